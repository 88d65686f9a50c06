from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.kafka.clients import Cluster
from infra.endpoints import cluster
from infra.services.endpoints import Endpoints
from infra.settings import Settings

FOUND = Endpoints("kafka.example:9093", "", "")


def secured() -> Cluster:
    settings = Settings.model_construct(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="vidette",
        kafka_sasl_password=SecretStr("s3cret"),
        kafka_ssl_ca_file=Path("/etc/ca.pem"),
    )
    return cluster(settings, FOUND)


def test_login_and_certificates_reach_librdkafka() -> None:
    told = secured().confluent()

    assert {name: told[name] for name in told if name.startswith(("sasl", "ssl", "security"))} == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "vidette",
        "sasl.password": "s3cret",
        "ssl.ca.location": "/etc/ca.pem",
    }


def test_the_password_does_not_show() -> None:
    assert "s3cret" not in repr(secured())


def test_login_reaches_aiokafka() -> None:
    told = Cluster(
        "kafka.example:9092", "SASL_PLAINTEXT", "SCRAM-SHA-256", "vidette", "s3cret"
    ).aiokafka()

    login = (told["sasl_mechanism"], told["sasl_plain_username"], told["sasl_plain_password"])
    assert login == ("SCRAM-SHA-256", "vidette", "s3cret")


@pytest.mark.parametrize(
    ("namespace", "name"), [("", "ai.events.v1"), ("site", "site.ai.events.v1")]
)
def test_a_namespace_goes_before_every_name_and_comes_off_again(namespace: str, name: str) -> None:
    shared = Cluster("kafka.example:9092", namespace=namespace)

    assert (shared.named("ai.events.v1"), shared.catalogued(name)) == (name, "ai.events.v1")
