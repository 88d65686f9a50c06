"""A downstream consumer, as somebody writes it who has the schemas and nothing else of ours.

Usage: outsider.py BOOTSTRAP_SERVERS TOPIC SCHEMA_FOLDER. Prints how many outcomes of each type are
valid by their schema; an outcome that is not ends it with jsonschema's error.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from jsonschema import Draft202012Validator


async def outcomes(servers: str, topic: str, schemas: Path) -> Counter[str]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    valid: Counter[str] = Counter()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    outcome = json.loads(record.value)
                    schema = json.loads((schemas / f"{outcome['type']}.schema.json").read_text())
                    checker = Draft202012Validator.FORMAT_CHECKER
                    Draft202012Validator(schema, format_checker=checker).validate(outcome)
                    valid[outcome["type"]] += 1
    finally:
        await consumer.stop()
    return valid


if __name__ == "__main__":
    servers, topic, folder = sys.argv[1:]
    print(json.dumps(asyncio.run(outcomes(servers, topic, Path(folder)))))  # noqa: T201  # its answer
