from hypothesis import given
from hypothesis import strategies as st

from streams.lanes import Progress
from streams.window import SPAN_MAX, Window

METADATA_MAX = 4095
"""ASCII characters that Kafka takes."""


@st.composite
def deliveries(draw: st.DrawFn) -> list[int]:
    """Offsets of records; what is missing between them are transaction markers."""
    gaps = draw(st.lists(st.integers(1, 4), min_size=1, max_size=60))
    offsets, last = [], draw(st.integers(0, 1000))
    for gap in gaps:
        last += gap
        offsets.append(last)
    return offsets


@given(offsets=deliveries(), data=st.data())
def test_after_a_crash_exactly_what_was_not_committed_needs_work_again(
    offsets: list[int], data: st.DataObject
) -> None:
    window = Window(Progress(0), "topic")
    for offset in offsets:
        window.begin(offset)
    done: set[int] = set()
    progress = Progress(0)
    for _ in range(data.draw(st.integers(1, 4))):
        finished = frozenset(data.draw(st.sets(st.sampled_from(offsets)))) - done
        progress = window.progress(finished)
        window.settle(finished, progress)
        done |= finished

    restarted = Window(progress, "topic")
    again = [o for o in offsets if o >= progress.offset and restarted.begin(o)]

    assert again == [offset for offset in offsets if offset not in done]


@given(offsets=deliveries(), data=st.data())
def test_no_unfinished_record_is_ever_before_the_committed_prefix(
    offsets: list[int], data: st.DataObject
) -> None:
    window = Window(Progress(0), "topic")
    for offset in offsets:
        window.begin(offset)
    finished = frozenset(data.draw(st.sets(st.sampled_from(offsets))))

    assert all(o >= window.progress(finished).offset for o in offsets if o not in finished)


@given(offsets=deliveries())
def test_a_redelivery_under_the_same_lease_starts_nothing(offsets: list[int]) -> None:
    window = Window(Progress(0), "topic")
    for offset in offsets:
        window.begin(offset)

    assert not any(window.begin(offset) for offset in offsets)


def test_when_all_is_finished_the_end_itself_is_committed_over_the_markers() -> None:
    window = Window(Progress(0), "topic")
    window.begin(0)
    window.reach(7)

    assert window.progress(frozenset({0})) == Progress(7)


def test_markers_alone_leave_something_to_commit() -> None:
    window = Window(Progress(3), "topic")
    window.reach(5)

    assert window.behind()


def test_the_bitmap_of_another_topic_of_the_same_name_is_ignored() -> None:
    window = Window(Progress(0), "old topic")
    window.begin(0)
    window.begin(1)
    progress = window.progress(frozenset({1}))

    restarted = Window(progress, "new topic")

    assert [restarted.begin(0), restarted.begin(1)] == [True, True]


def test_metadata_of_somebody_else_is_ignored() -> None:
    window = Window(Progress(4, "1:topic:4:not base64 at all!"), "topic")

    assert window.begin(4)


def test_a_bitmap_for_another_offset_is_ignored() -> None:
    window = Window(Progress(5, "1:topic:4:Ag=="), "topic")

    assert [window.begin(5), window.begin(6)] == [True, True]


def test_the_widest_window_fits_into_kafkas_metadata() -> None:
    window = Window(Progress(0), "x" * 22)
    for offset in range(SPAN_MAX):
        window.begin(offset)

    assert len(window.progress(frozenset(range(1, SPAN_MAX))).metadata) <= METADATA_MAX


def test_a_gap_wider_than_the_bitmap_costs_repeated_work_and_nothing_else() -> None:
    window = Window(Progress(0), "topic")
    window.begin(0)
    window.begin(60_000)  # between them a retrying producer left aborted records
    progress = window.progress(frozenset({60_000}))

    restarted = Window(progress, "topic")

    assert len(progress.metadata) <= METADATA_MAX
    assert [restarted.begin(0), restarted.begin(60_000)] == [True, True]


def test_what_the_bitmap_left_out_is_not_done_twice_under_the_same_lease() -> None:
    window = Window(Progress(0), "topic")
    window.begin(0)
    window.begin(60_000)
    far = frozenset({60_000})
    window.settle(far, window.progress(far))

    assert window.progress(frozenset({0})) == Progress(60_001)


def test_what_the_bitmap_cannot_tell_of_waits_until_the_base_moves() -> None:
    window = Window(Progress(0), "topic")
    for offset in (0, 5, 60_000):
        window.begin(offset)

    assert window.told(frozenset({5, 60_000})) == {5}
    assert window.told(frozenset({0, 5, 60_000})) == {0, 5, 60_000}
