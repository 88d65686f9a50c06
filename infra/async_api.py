"""The AsyncAPI document: every topic with its words, keys, headers and retention.

Source: AsyncAPI 3.1.0 and its Kafka bindings 0.5.0. Operations are Vidette's own: it receives what
upstream systems write and sends the rest. Payloads refer to the JSON Schemas that lie beside it.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas import headers as names
from schemas.codec import EVENT_BYTES_MAX
from schemas.event import Written, tag
from streams.dead_letters import HEADERS_BYTES_MAX
from streams.topics import COMMANDS, PROVIDER_STATE, REGISTRY, RawTopic, Topic, catalogue

Part = dict[str, Any]

VERSION: Final = "0.1.0"
BINDINGS: Final = "0.5.0"
PAYLOAD: Final = "application/schema+json;version=draft-2020-12"

ABOUT: Final = f"""\
Upstream systems publish camera events, inference results and camera registrations; Vidette appends
what became of each to `ai.events.v1`, an immutable log. Values are UTF-8 JSON with a tag `type`, at
most {EVENT_BYTES_MAX} bytes, without the character U+0000. Unknown fields are ignored: so must you.
Read with `isolation.level=read_committed`; `ce_id` is the same however often an event is delivered.
The partitions of a topic are fixed when it is made (8 by default, 48 in production), because the
order per camera hangs on them; producers use the partitioner `murmur2_random`.
"""

KEY: Final = "The camera's UUID; upstream systems may use any text that is always that camera's."
REGISTRY_KEY: Final = "The camera's UUID, so that compaction keeps the newest state of each camera."
KEYS: Final = {
    REGISTRY.name: REGISTRY_KEY,
    PROVIDER_STATE.name: "Provider and kind: `openai/breaker`, `grok/blacklist/model/grok-4`.",
    COMMANDS.name: "What is commanded: `provider/openai`, `provider-order`, `cache/all`, `key/…`.",
}
"""Where it is not a camera's."""


def async_api() -> Part:
    """The whole document."""
    topics = tuple(catalogue())
    messages = {
        tag(word): _message(topic, word)
        for topic in topics
        if isinstance(topic, Topic)
        for word in topic.words
    }
    return {
        "asyncapi": "3.1.0",
        "id": "urn:vidette",
        "info": {
            "title": "Vidette",
            "version": VERSION,
            "description": ABOUT,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {name: part for topic in topics for name, part in _operations(topic)},
        "components": {
            "messages": messages | {"dead-letter": _dead_letter()},
            "schemas": {"headers": _headers(), "dead-letter-headers": _dead_letter_headers()},
        },
    }


def _channel(topic: Topic[msgspec.Struct] | RawTopic) -> Part:
    kept = -1 if topic.kept is None else int(topic.kept.total_seconds() * 1000)
    cleanup = "compact" if topic.compacted else "delete"
    return {
        "address": topic.name,
        "description": f"{topic.about[:1].upper()}{topic.about[1:]}. Key: {topic.key}.",
        "messages": {name: _ref("components/messages", name) for name in _carried(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": {"cleanup.policy": [cleanup], "retention.ms": kept},
                "bindingVersion": BINDINGS,
            }
        },
    }


def _operations(topic: Topic[msgspec.Struct] | RawTopic) -> Iterator[tuple[str, Part]]:
    ours = isinstance(topic, RawTopic) or issubclass(topic.words[0], Written)
    action = "send" if ours else "receive"
    yield (
        f"{action}.{topic.name}",
        {
            "action": action,
            "channel": _ref("channels", topic.name),
            "summary": topic.about,
            "messages": [
                _ref("channels", topic.name, "messages", name) for name in _carried(topic)
            ],
        },
    )


def _carried(topic: Topic[msgspec.Struct] | RawTopic) -> tuple[str, ...]:
    return ("dead-letter",) if isinstance(topic, RawTopic) else tuple(map(tag, topic.words))


def _message(topic: Topic[msgspec.Struct], word: type[msgspec.Struct]) -> Part:
    name, about = tag(word), (word.__doc__ or "").partition("\n")[0]
    return {
        "name": f"{names.CE_TYPE_PREFIX}{name}",
        "title": word.__name__,
        "summary": about,
        "contentType": "application/json",
        "headers": _ref("components/schemas", "headers"),
        "payload": {"schemaFormat": PAYLOAD, "schema": {"$ref": f"./{name}.schema.json"}},
        "bindings": _key(KEYS.get(topic.name, KEY)),
    }


def _dead_letter() -> Part:
    return {
        "name": "dead-letter",
        "title": "DeadLetter",
        "summary": "Raw bytes of what could not be processed; headers say from where and why.",
        "contentType": "application/octet-stream",
        "headers": _ref("components/schemas", "dead-letter-headers"),
        "bindings": _key("The key that the record had."),
    }


def _key(about: str) -> Part:
    return {"kafka": {"key": {"type": "string", "description": about}, "bindingVersion": BINDINGS}}


def _headers() -> Part:
    return _texts(
        {
            names.CE_ID: "The event's id; deduplicate on it.",
            names.CE_TYPE: f"`{names.CE_TYPE_PREFIX}` and the word's tag.",
            names.CE_SOURCE: "Who says so: `/vidette/STEP`, or the upstream system.",
            names.CE_TIME: "When it happened, RFC 3339.",
            names.CE_SPECVERSION: "Always `1.0`.",
            names.CONTENT_TYPE: "Always `application/json`.",
            names.CORRELATION_ID: "Of the whole story; may be given by upstream systems.",
            names.TRACEPARENT: "W3C Trace Context, as it came.",
        },
        "CloudEvents 1.0, binary mode on Kafka. Upstream systems may leave them out.",
    )


def _dead_letter_headers() -> Part:
    return _texts(
        {
            names.LETTER_ID: "The letter's id, the same however often it is written.",
            names.STEP: "The step that could not process the record.",
            names.REASON: "Why, as one word.",
            names.DETAIL: "Why, as a sentence.",
            names.FIELD: "The path of the field at fault, where it is known.",
            names.TOPIC: "Where the record came from.",
            names.PARTITION: "Its partition.",
            names.OFFSET: "Its offset.",
            names.TIMESTAMP: "Its time, milliseconds since 1970.",
            names.BLOB_SHA256: "Where the media store has a value too large for a letter.",
        },
        f"Ours, then the record's own, if those are no more than {HEADERS_BYTES_MAX} bytes.",
    )


def _texts(about: dict[str, str], description: str) -> Part:
    fields = {name: {"type": "string", "description": text} for name, text in about.items()}
    return {"type": "object", "description": description, "properties": fields}


def _ref(*path: str) -> Part:
    return {"$ref": "#/" + "/".join(path)}
