"""Faults that a person can mend, and the one sentence that each becomes."""

import sys
from typing import Final

PLACES: Final = {
    "pydantic": ("ValidationError",),
    "infra.services.endpoints": ("ServicesFailed",),
    "infra.providers.roster": ("UnknownProvider",),
    "infra.migrate": ("MigrationFailed",),
    "streams.projection.ports": ("ReadModelError",),
    "streams.queries": ("Unavailable",),
    "streams.ports": ("StoreAway",),
    "connectors.archive.file": ("ArchiveBroken",),
    "streams.topic_plan": ("NotRestored",),
    "confluent_kafka": ("KafkaException",),
    "aiokafka.errors": ("KafkaError",),
}
"""Classes by the module that has them; one that is not loaded can't have been raised."""


def sentence(fault: Exception) -> str | None:
    """What to tell a person; None when this is no known fault but a mistake of ours."""
    kinds = tuple(
        kind
        for module, names in PLACES.items()
        if module in sys.modules
        for name in names
        if (kind := getattr(sys.modules[module], name, None)) is not None
    )
    if not isinstance(fault, kinds):
        return None
    if type(fault).__name__ == "ValidationError":
        return _settings(fault)
    if type(fault).__name__ == "KafkaException":
        return f"Kafka: {fault.args[0].str()}"
    return str(fault)


def _settings(fault: Exception) -> str:
    """Pydantic's report, shortened to setting and reason, without the value: it may be a secret."""
    errors = fault.errors()  # type: ignore[attr-defined]  # pydantic's, see above
    said = (
        ": ".join(filter(None, (_name(error["loc"]), error["msg"].removeprefix("Value error, "))))
        for error in errors
    )
    return "; ".join(said)


def _name(place: tuple[object, ...]) -> str:
    """The setting at fault, and where in it; empty when it is not one of ours at all."""
    if not place:
        return ""
    first, *inner = map(str, place)
    name = first if first.isupper() else f"VIDETTE_{first}".upper()  # vendors' keys have no prefix
    return ".".join((name, *inner))
