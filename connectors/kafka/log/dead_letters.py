"""The dead letters of a Kafka: which there are, what is in them, and another chance for them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from confluent_kafka import KafkaException, Producer
from msgspec.structs import replace

from connectors.kafka.clients import (
    CALL_TIMEOUT_S,
    FENCED,
    LIBRDKAFKA,
    TRANSACTION_TIMEOUT_MS,
    Cluster,
)
from connectors.kafka.log.history import History
from streams.dead_letters import DeadLetter, fold
from streams.lanes import Encoded
from streams.poison.redriving import (
    STATES,
    NotRedriven,
    Redriven,
    allowed,
    check_newest,
    redrive,
)
from streams.ports import MediaStore
from streams.records import Partition, Record
from streams.topics import DEAD_LETTERS

TRANSACTIONAL_ID: Final = "dead-letters-redrive"
"""One for all: who redrives fences whoever began before."""

AT_ONCE: Final = 100
"""Letters redriven in one transaction."""


@dataclass(frozen=True)
class DeadLetters:
    """The letters of one Kafka; `media` has the values that were too large for it."""

    cluster: Cluster
    media: MediaStore

    async def all(self) -> tuple[DeadLetter, ...]:
        """Every letter that is kept, oldest first, values left out. Raises KafkaException."""
        history = History(self.cluster, (DEAD_LETTERS.name,))
        logs = await history.logs(open_too=True)
        spans = {place: (log.first, log.end or 0) for place, log in logs.items()}
        slim = [replace(r, value=None) async for batch in history.read(spans) for r in batch]
        return fold(slim)

    async def content(self, letter: DeadLetter) -> tuple[Record, bytes | None]:
        """The letter as it lies in its topic, and the value that it is about.

        Raises KafkaException, and NotRedriven when the value is gone.
        """
        async for records in self._records([letter]):
            for record in records:
                return record, await self._value(letter, record)
        text = f"letter {letter.id} is not in {DEAD_LETTERS.name} any more"
        raise NotRedriven(text)

    async def redrive(
        self,
        ids: Collection[UUID],
        *,
        corrected: Mapping[UUID, bytes] | None = None,
        again: bool = False,
    ) -> Redriven:
        """Gives the values, or the corrected ones, once more to the steps that wrote the letters.

        Record and marker share a transaction, and the letters are read after every earlier such
        transaction has ended: without `again` nobody redrives a letter twice.

        Raises KafkaException, and NotRedriven when somebody else redrives at the same time.
        """
        producer = await asyncio.to_thread(self._producer)
        result = Redriven()
        letters = {letter.id: letter for letter in await self.all()}
        chosen = [letters[id_] for id_ in allowed(ids, letters, result, again=again)]
        states = await self._states(chosen)
        async for records in self._records(chosen):
            outputs: list[Encoded] = []
            done: list[DeadLetter] = []
            for letter, record in _matched(chosen, records):
                try:
                    check_newest(letter, record, states.get((letter.source.topic, record.key), ()))
                    value = (corrected or {}).get(letter.id)
                    value = await self._value(letter, record) if value is None else value
                    outputs += redrive(letter, record, value)
                except NotRedriven as why:
                    result.refused[letter.id] = str(why)
                else:
                    done.append(letter)
            await asyncio.to_thread(_transact, producer, self.cluster, outputs)
            result.done += done
        return result

    async def _records(self, letters: Sequence[DeadLetter]) -> AsyncIterator[list[Record]]:
        """These letters' own records, a few at a time, without those no longer kept."""
        places = {(letter.place, letter.offset) for letter in letters}
        spans: dict[Partition, tuple[int, int]] = {}
        for place, offset in places:
            first, end = spans.get(place, (offset, 0))
            spans[place] = (min(first, offset), max(end, offset + 1))
        async for batch in History(self.cluster, (DEAD_LETTERS.name,)).read(spans):
            records = [record for record in batch if (record.partition, record.offset) in places]
            for at in range(0, len(records), AT_ONCE):
                yield records[at : at + AT_ONCE]

    async def _states(
        self, letters: Collection[DeadLetter]
    ) -> Mapping[tuple[str, bytes | None], Sequence[Record]]:
        """By topic and key the records, without values, of topics in which the newest counts."""
        topics = {letter.source.topic for letter in letters} & STATES
        states: dict[tuple[str, bytes | None], list[Record]] = defaultdict(list)
        if topics:
            history = History(self.cluster, topics)
            spans = {p: (log.first, log.end or 0) for p, log in (await history.logs()).items()}
            async for batch in history.read(spans):
                for record in batch:
                    slim = replace(record, value=None)
                    states[record.partition.topic, record.key].append(slim)
        return states

    async def _value(self, letter: DeadLetter, record: Record) -> bytes | None:
        if letter.blob_sha256 is None:
            return record.value
        value = await self.media.get(letter.blob_sha256)
        if value is None:
            text = (
                f"the value of letter {letter.id} is not in the media store: set "
                "VIDETTE_MEDIA_FOLDER to the worker's, or give a corrected one with --value FILE"
            )
            raise NotRedriven(text)
        return value

    def _producer(self) -> Producer:
        """A producer; every earlier one's transaction has ended when this returns."""
        settings = self.cluster.confluent() | {
            "transactional.id": self.cluster.named(TRANSACTIONAL_ID),
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "partitioner": "murmur2_random",
        }
        producer = Producer(settings, logger=LIBRDKAFKA)
        producer.init_transactions(CALL_TIMEOUT_S)
        return producer


def _matched(
    letters: Sequence[DeadLetter], records: Sequence[Record]
) -> list[tuple[DeadLetter, Record]]:
    by_place = {(letter.place, letter.offset): letter for letter in letters}
    return [(by_place[record.partition, record.offset], record) for record in records]


def _transact(producer: Producer, cluster: Cluster, outputs: Sequence[Encoded]) -> None:
    """All of them or none. Raises KafkaException, NotRedriven."""
    if not outputs:
        return
    try:
        producer.begin_transaction()
        for output in outputs:
            topic = cluster.named(output.topic)
            producer.produce(topic, output.value, output.key, headers=list(output.headers))
        producer.commit_transaction(CALL_TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() not in FENCED:
            producer.abort_transaction(CALL_TIMEOUT_S)
            raise
        text = "somebody else redrives letters right now: look at the list, then try again"
        raise NotRedriven(text) from error
