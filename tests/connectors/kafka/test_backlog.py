"""How much may wait between the poll thread and the event loop."""

from connectors.kafka.backlog import BATCH_BYTES_MAX, Portion


def test_small_records_come_in_batches_of_as_many_as_the_step_takes() -> None:
    portion = Portion(5_000)

    portion.came([b"x" * 500] * 5_000)

    assert portion.records == 5_000


def test_large_records_come_in_batches_of_bounded_size() -> None:
    portion = Portion(5_000)

    portion.came([b"x" * 250_000] * 100)

    assert portion.records * 250_000 <= BATCH_BYTES_MAX < (portion.records + 1) * 250_000


def test_after_large_records_batches_grow_again() -> None:
    portion = Portion(5_000)
    portion.came([b"x" * 250_000] * 100)

    portion.came([b"x" * 500] * portion.records)

    assert portion.records == 5_000


def test_a_record_larger_than_a_batch_may_be_comes_alone() -> None:
    portion = Portion(5_000)

    portion.came([b"x" * (BATCH_BYTES_MAX + 1)])

    assert portion.records == 1


def test_a_poll_that_gave_nothing_says_nothing() -> None:
    portion = Portion(5_000)

    portion.came([])

    assert portion.records == 5_000
