"""How much may wait between the poll thread and the event loop."""

from collections.abc import Callable

from connectors.kafka.backlog import BATCH_BYTES_MAX, CHUNK_MAX, Portion


def batch(portion: Portion, records_max: int, weigh: Callable[[int], int]) -> list[int]:
    """How many records came at a time until the batch was full; `weigh` says what the nth takes."""
    chunks: list[int] = []
    portion.begin(records_max)
    while (records := portion.records or int(not chunks)) > 0:
        first = sum(chunks)
        portion.came(records, sum(map(weigh, range(first, first + records))))
        chunks.append(records)
    return chunks


def test_small_records_come_in_batches_of_as_many_as_the_step_takes() -> None:
    assert sum(batch(Portion(), 5_000, lambda _: 500)) == 5_000


def test_large_records_come_in_batches_of_bounded_size() -> None:
    records = sum(batch(Portion(), 5_000, lambda _: 250_000))

    assert records * 250_000 <= BATCH_BYTES_MAX < (records + 1) * 250_000


def test_large_records_behind_small_ones_end_the_batch_with_their_chunk() -> None:
    chunks = batch(Portion(), 5_000, lambda n: 2 * BATCH_BYTES_MAX if n > 100 else 500)

    assert sum(chunks) <= 100 + CHUNK_MAX


def test_after_large_records_batches_grow_again() -> None:
    portion = Portion()
    batch(portion, 5_000, lambda _: 250_000)

    assert sum(batch(portion, 5_000, lambda _: 500)) == 5_000


def test_a_record_larger_than_a_batch_may_be_comes_alone() -> None:
    assert batch(Portion(), 5_000, lambda _: BATCH_BYTES_MAX + 1) == [1]


def test_a_process_begins_with_single_records_its_predecessor_may_have_died_of_them() -> None:
    assert batch(Portion(), 63, lambda _: 500)[:3] == [1, 2, 4]
