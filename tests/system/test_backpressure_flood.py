"""A topic is flooded: memory stays bounded, nobody leaves a group, and every record is there.

A million small results (long), and as many large ones as would fill a worker's memory twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final
from uuid import UUID

import pytest
from confluent_kafka import Producer
from msgspec import structs

from connectors.kafka.log.history import History
from infra.services.endpoints import Endpoints
from schemas.codec import encode
from schemas.examples.upstream import MODEL_RESULT
from schemas.headers import CE_ID
from schemas.inferences import InferenceResult
from streams import identity
from streams.topics import AI_INFERENCES, INFERENCE_RESULTS
from tests.embedded import finish, fresh_cluster, migrated
from tests.system.pressure import (
    count,
    counted_per_hour,
    ids,
    joined,
    members,
    moved,
    sampled,
)
from tests.system.processes import Worker, working
from tests.system.site import Site
from tests.system.upstream import NOON

CAMERAS: Final = 50
RSS_BYTES_MAX: Final = 512 << 20
"""Of docs/runbook.md."""

NOISE: Final = 8_000
STRIDE: Final = 100_000
"""So many rows must come within the patience of `until`, again and again."""


@dataclass(frozen=True)
class Flood:
    """How many results, and how large."""

    results: int
    padding: int = 0

    def result(self, number: int) -> InferenceResult:
        return structs.replace(
            MODEL_RESULT,
            result_id=f"result-{number}",
            camera_id=f"camera-{number % CAMERAS}",
            timestamp=NOON,
            metadata={f"{n}": noise(number + n) for n in range(self.padding // NOISE)},
        )


def noise(number: int) -> str:
    """Text that compresses as little as text can."""
    return Random(number).randbytes(NOISE // 2).hex()  # noqa: S311  # no secret


SMALL: Final = Flood(1_000_000)
LARGE: Final = Flood(2_000, 240_000)


@dataclass(frozen=True)
class Told:
    """What was seen of the flood, and what is there in the end."""

    flood: Flood
    published: set[UUID]
    peak_bytes: int
    membership: tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]
    moved: list[str]
    rows: int
    ids: set[UUID]
    per_hour: int
    logged: Counter[str]
    lag: dict[str, int]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(LARGE, id="2,000 of 240 KB"),
        pytest.param(SMALL, id="1,000,000", marks=pytest.mark.long),
    ],
)
def told(
    request: pytest.FixtureRequest,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("flood"))
        yield lived(site, request.param)


def lived(site: Site, flood: Flood) -> Told:
    with working(site) as worker, sampled(worker) as memory:
        before = joined(site, worker)
        published = published_by(site, flood)
        follow(site, worker, flood)
        print(f"{flood}: at most {memory.peak_bytes >> 20} MiB")  # noqa: T201  # a measurement
        return Told(
            flood=flood,
            published=published,
            peak_bytes=memory.peak_bytes,
            membership=(before, members(site)),
            moved=moved(worker),
            rows=count(site),
            ids=ids(site),
            per_hour=counted_per_hour(site),
            logged=finish(logged(site)),
            lag=site.lag(),
        )


def published_by(site: Site, flood: Flood) -> set[UUID]:
    """Everything at once, as fast as it goes; the ids of what is acknowledged."""
    producer = Producer(
        site.cluster.confluent() | {"partitioner": "murmur2_random", "linger.ms": 50}
    )
    known: set[UUID] = set()
    for number in range(flood.results):
        result = flood.result(number)
        value, key = encode(result), result.camera_id.encode()
        known.add(identity.inference_id(result))
        while True:
            try:
                producer.produce(site.cluster.named(INFERENCE_RESULTS.name), value, key)
            except BufferError:
                producer.poll(0.1)
            else:
                break
    assert producer.flush(60) == 0
    return known


def follow(site: Site, worker: Worker, flood: Flood) -> None:
    """Returns when everything is through."""
    rows = 0
    while rows < flood.results:
        enough = min(rows + STRIDE, flood.results)
        rows = worker.until(lambda: reached(site, enough))  # noqa: B023  # used before it changes
    worker.until(lambda: not any(site.lag().values()))


def reached(site: Site, rows: int) -> int:
    """How many rows there are, once there are so many; 0 before."""
    found = count(site)
    return found if found >= rows else 0


async def logged(site: Site) -> Counter[str]:
    """The ids in the log, by the headers of its committed records."""
    history = History(site.cluster, (AI_INFERENCES.name,))
    spans = {p: (log.first, log.end or 0) for p, log in (await history.logs()).items()}
    found: Counter[str] = Counter()
    async for records in history.read(spans):
        found.update(record.header(CE_ID) or "" for record in records)
    return found


def test_memory_is_bounded(told: Told) -> None:
    assert 0 < told.peak_bytes < RSS_BYTES_MAX


def test_nobody_leaves_the_group(told: Told) -> None:
    before, after = told.membership

    assert (after, told.moved) == (before, [])


def test_every_result_is_a_row(told: Told) -> None:
    assert told.published - told.ids == set()


def test_there_is_no_other_row(told: Told) -> None:
    assert (told.rows, told.ids - told.published) == (told.flood.results, set())


def test_the_roll_up_has_counted_each_row_once(told: Told) -> None:
    assert told.per_hour == told.flood.results


def test_the_log_has_exactly_one_record_of_each(told: Told) -> None:
    assert told.logged == Counter(map(str, told.published))


def test_nothing_is_left(told: Told) -> None:
    assert set(told.lag.values()) == {0}
