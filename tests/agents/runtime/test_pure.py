from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from agents.enrich import Enrich
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraConnectionChanged, CameraEvent
from streams.lanes import Batch, Encoded
from streams.ports import StoreAway
from streams.records import Outputs, Partition, Received
from streams.registry import Registry
from streams.steps import Pure
from streams.topics import CAMERA_EVENTS, DEAD_LETTERS, ENRICHED
from tests.agents.runtime.scene import (
    FastClock,
    Tally,
    enriched,
    motion,
    published,
    raw,
    reasons,
    run,
)


@dataclass
class Bench:
    """A pure step over a log in memory."""

    runs: Callable[[Received[CameraEvent]], Outputs] = field(
        default_factory=lambda: Enrich(Registry())
    )
    siblings: frozenset[str] = frozenset()
    log: MemoryLog = field(default_factory=MemoryLog)
    meter: Tally = field(default_factory=Tally)
    media: MemoryMedia = field(default_factory=MemoryMedia)

    def open(self) -> tuple[PureRuntime, MemoryLane]:
        """A worker's share of the step; a second call is what comes after a crash."""
        lane = MemoryLane(self.log, "enrich", (CAMERA_EVENTS.name,))
        step = Pure(
            name="enrich",
            reads=CAMERA_EVENTS,
            runs=self.runs,
            writes=(ENRICHED,),
            siblings=self.siblings,
        )
        return PureRuntime(step, lane, self.media, self.meter, FastClock()), lane

    async def run(self, batches: int = 1) -> None:
        runtime, lane = self.open()
        await run(runtime, lane, batches=batches)


def refuses(name: str) -> Callable[[Received[CameraEvent]], Outputs]:
    """An agent with a bug that one event meets."""
    good = Enrich(Registry())

    def agent(received: Received[CameraEvent]) -> Outputs:
        if received.event.event_id == name:
            text = "a bug"
            raise ZeroDivisionError(text)
        return good(received)

    return agent


async def test_every_record_of_a_batch_becomes_an_output() -> None:
    bench = Bench()
    published(bench.log, *(motion(str(number)) for number in range(9)))

    await bench.run()

    assert enriched(bench.log) == [str(number) for number in range(9)]


async def test_an_agent_that_raises_costs_that_record_only() -> None:
    bench = Bench(refuses("bad"))
    published(bench.log, motion("a"), motion("bad"), motion("b"))

    await bench.run()

    assert (enriched(bench.log), reasons(bench.log)) == (["a", "b"], ["agent_failed"])
    assert bench.meter.dead_by_reason == {"agent_failed": 1}


async def test_undecodable_bytes_cost_that_record_only() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    key = bench.log.of(CAMERA_EVENTS.name)[0].key
    bench.log.append(Encoded(CAMERA_EVENTS.name, key, b'{"type":', ()))
    published(bench.log, motion("b"))

    await bench.run()

    assert (enriched(bench.log), reasons(bench.log)) == (["a", "b"], ["malformed"])


async def test_a_letter_holds_the_raw_bytes_and_where_they_came_from() -> None:
    bench = Bench()
    sent = bench.log.append(raw(b"\xff\xfe"))

    await bench.run()

    letter = bench.log.of(DEAD_LETTERS.name)[0]
    place = (letter.header("vidette_topic"), letter.header("vidette_offset"))
    assert (letter.value, letter.key, place) == (b"\xff\xfe", b"gate", (CAMERA_EVENTS.name, "0"))
    assert sent.offset == 0


async def test_a_value_too_large_for_a_letter_goes_to_the_media_store() -> None:
    bench = Bench()
    huge = b" " * 600_000
    bench.log.append(raw(huge))

    await bench.run()

    letter = bench.log.of(DEAD_LETTERS.name)[0]
    kept = await bench.media.get(letter.header("vidette_blob_sha256") or "")
    assert (letter.value, kept) == (None, huge)


async def test_a_dead_letter_shares_the_transaction_of_its_offset() -> None:
    bench = Bench()
    bench.log.append(raw(b"nonsense"))
    runtime, lane = bench.open()
    batch = await lane.take()
    lane.revoke(batch.leases)

    await runtime.handle(batch)
    await runtime.drain()

    assert (bench.log.of(DEAD_LETTERS.name), bench.log.progress) == ([], {})
    assert not bench.meter.dead_by_reason, "a letter counts when it is in the log"


async def test_a_crash_before_the_commit_repeats_nothing_in_the_log() -> None:
    bench = Bench()
    published(bench.log, motion("a"), motion("b"))
    _, killed = bench.open()
    await killed.take()
    killed.cut_off()

    await bench.run()

    assert enriched(bench.log) == ["a", "b"]


async def test_a_restart_after_the_commit_repeats_nothing() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    await bench.run()
    published(bench.log, motion("b"))

    await bench.run()

    assert enriched(bench.log) == ["a", "b"]


async def test_work_of_a_partition_that_was_taken_away_is_dropped() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    runtime, lane = bench.open()
    batch = await lane.take()
    lane.revoke(batch.leases)

    await runtime.handle(batch)
    await runtime.drain()

    assert enriched(bench.log) == []


async def test_a_redrive_for_another_reader_of_the_topic_passes_by() -> None:
    bench = Bench(siblings=frozenset({"describe"}))
    published(bench.log, motion("a"))
    first = bench.log.of(CAMERA_EVENTS.name)[0]
    headers = [*first.headers, ("vidette_redrive_step", b"describe")]
    bench.log.append(Encoded(CAMERA_EVENTS.name, first.key, first.value, headers))

    await bench.run()

    assert enriched(bench.log) == ["a"]


async def test_a_redrive_for_this_step_is_worked_on() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    first = bench.log.of(CAMERA_EVENTS.name)[0]
    headers = [*first.headers, ("vidette_redrive_step", b"enrich")]
    bench.log.append(Encoded(CAMERA_EVENTS.name, first.key, first.value, headers))

    await bench.run()

    assert enriched(bench.log) == ["a", "a"]


async def test_at_the_end_of_a_partition_the_end_itself_is_committed() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    where = bench.log.of(CAMERA_EVENTS.name)[0].partition
    bench.log.records[where].append(None)  # the marker of an upstream's transaction

    await bench.run()

    assert bench.log.progress["enrich", Partition(*where)].offset == 2


async def test_the_correlation_id_of_the_record_travels_on() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    first = bench.log.of(CAMERA_EVENTS.name)[0]
    changed = [(n, b"story-7" if n == "correlation_id" else v) for n, v in first.headers]
    bench.log.append(Encoded(CAMERA_EVENTS.name, first.key, first.value, changed))

    await bench.run()

    assert bench.log.of(ENRICHED.name)[1].header("correlation_id") == "story-7"


async def test_a_connection_change_is_enriched_like_any_event() -> None:
    bench = Bench()
    seen = motion("x")
    changed = CameraConnectionChanged(
        event_id="gone",
        source=seen.source,
        camera_id=seen.camera_id,
        timestamp=seen.timestamp,
        state="offline",
    )
    published(bench.log, changed)

    await bench.run()

    assert enriched(bench.log) == ["gone"]


async def test_the_same_progress_is_never_committed_twice() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    where = bench.log.of(CAMERA_EVENTS.name)[0].partition
    runtime, lane = bench.open()
    batch = await lane.take()
    await runtime.handle(replace(batch, ends={}))
    await runtime.drain()
    bench.log.progress.clear()

    await runtime.handle(Batch((), batch.leases, ends={where: 1}))
    await runtime.drain()

    assert bench.log.progress == {}


class Full(MemoryMedia):
    """A store without room."""

    async def put(self, content: bytes) -> str:
        raise StoreAway(len(content), "no space left")


async def test_a_letter_that_cannot_be_written_stops_the_step() -> None:
    bench = Bench(media=Full())
    bench.log.append(raw(b" " * 600_000))

    with pytest.raises(StoreAway, match="no space left"):
        await bench.run()


async def test_a_redrive_for_nobody_is_worked_on_or_it_would_vanish() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    first = bench.log.of(CAMERA_EVENTS.name)[0]
    headers = [*first.headers, ("vidette_redrive_step", b"nobody")]
    bench.log.append(Encoded(CAMERA_EVENTS.name, first.key, first.value, headers))

    await bench.run()

    assert enriched(bench.log) == ["a", "a"]


async def test_no_batch_is_committed_over_one_that_failed() -> None:
    bench = Bench(media=Full())
    bench.log.append(raw(b" " * 600_000))
    runtime, lane = bench.open()
    first = await lane.take()
    published(bench.log, motion("a"))
    with pytest.raises(StoreAway):
        await runtime.handle(first)

    with pytest.raises(StoreAway):
        await runtime.handle(await lane.take())

    assert bench.log.progress == {}
