"""Publishes records whose header name is not UTF-8: no client does, so one is bent until it does.

Run by test_messages.py in a process of its own: SERVERS TOPIC COUNT.
"""

import asyncio
import os
import sys

os.environ["AIOKAFKA_NO_EXTENSIONS"] = "1"  # its Python code asks the name to encode itself

from aiokafka import AIOKafkaProducer


class NoText(str):
    __slots__ = ()

    def encode(self, *_arguments: object, **_more: object) -> bytes:
        return b"\xff\xfe"


async def main(servers: str, topic: str, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    for number in range(count):
        value = str(number).encode()
        await producer.send_and_wait(topic, value, headers=[(NoText("x"), b"1")], partition=0)
    await producer.stop()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
