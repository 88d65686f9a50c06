"""Where Kafka and PostgreSQL are: what is set, else the embedded services that run now."""

from connectors.kafka.clients import Cluster
from infra.services.embedded import find
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings

KAFKA = "VIDETTE_KAFKA_BOOTSTRAP_SERVERS"
REMEDY = "start the embedded ones with `./vidette services`, or set"


def endpoints(settings: Settings) -> Endpoints:
    """The addresses to use. Raises ServicesFailed, with the remedy, when some are missing."""
    servers = settings.kafka_bootstrap_servers
    url = settings.database_url and settings.database_url.get_secret_value()
    admin = settings.database_admin_url and settings.database_admin_url.get_secret_value()
    if servers and url:
        return Endpoints(servers, url, admin or "")
    embedded = find(settings.folder)
    if embedded is None:
        database = "VIDETTE_DATABASE_URL and VIDETTE_DATABASE_ADMIN_URL"
        text = f"no Kafka and no PostgreSQL: {REMEDY} {KAFKA}, {database}"
        if servers:
            text = f"{KAFKA} is set and no database is: set {database} too"
        elif url:
            text = f"VIDETTE_DATABASE_URL is set and no Kafka is: set {KAFKA} too"
        raise ServicesFailed(text)
    return Endpoints(
        servers or embedded.bootstrap_servers,
        url or embedded.database_url,
        admin or ("" if url else embedded.database_admin_url),
    )


def kafka(settings: Settings) -> Cluster:
    """Kafka alone, for commands that ask no database. Raises ServicesFailed."""
    servers = settings.kafka_bootstrap_servers
    if servers is None:
        embedded = find(settings.folder)
        if embedded is None:
            text = f"no Kafka: {REMEDY} {KAFKA}"
            raise ServicesFailed(text)
        servers = embedded.bootstrap_servers
    return cluster(settings, Endpoints(servers, "", ""))


def cluster(settings: Settings, found: Endpoints) -> Cluster:
    """How to speak with the Kafka of these endpoints."""
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
