"""Where Kafka and PostgreSQL are: what is set, else the embedded services that run now."""

from connectors.kafka.clients import Cluster
from infra.services.embedded import find
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings

NOTHING_RUNS = (
    "no Kafka and no PostgreSQL: start the embedded ones with `./vidette services`, or set "
    "VIDETTE_KAFKA_BOOTSTRAP_SERVERS, VIDETTE_DATABASE_URL and VIDETTE_DATABASE_ADMIN_URL"
)


def endpoints(settings: Settings) -> Endpoints:
    """The addresses to use. Raises ServicesFailed, with the remedy, when some are missing."""
    kafka = settings.kafka_bootstrap_servers
    url = settings.database_url and settings.database_url.get_secret_value()
    admin = settings.database_admin_url and settings.database_admin_url.get_secret_value()
    if kafka and url:
        return Endpoints(kafka, url, admin or "")
    embedded = find(settings.folder)
    if embedded is None:
        raise ServicesFailed(NOTHING_RUNS)
    return Endpoints(
        kafka or embedded.bootstrap_servers,
        url or embedded.database_url,
        admin or ("" if url else embedded.database_admin_url),
    )


def cluster(settings: Settings, found: Endpoints) -> Cluster:
    """How to speak with Kafka."""
    password = settings.kafka_sasl_password
    files = {
        "ssl_ca_file": settings.kafka_ssl_ca_file,
        "ssl_certificate_file": settings.kafka_ssl_certificate_file,
        "ssl_key_file": settings.kafka_ssl_key_file,
    }
    return Cluster(
        bootstrap_servers=found.bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        namespace=settings.namespace,
        group_protocol=settings.kafka_group_protocol,
        **{name: str(file) for name, file in files.items() if file},
    )
