"""Which letters there are and which are open: a fold of letters and markers."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import headers as names
from streams.dead_letters import HEADERS_MAX, DeadLetter, Rejected, fold, letter
from streams.lanes import Encoded
from streams.poison.redriving import redrive
from streams.records import Headers, Partition, Record

SOURCE = Partition("camera.events.v1", 3)
LETTERS = Partition("dead.letters.v1", 1)
WHY = Rejected("invalid", "Expected `array`, got `str`", "labels")
ORIGINAL: Headers = (("team", b"north"), (names.REDRIVEN, b"an earlier letter"))


def bad(offset: int) -> Record:
    return Record(SOURCE, offset, b"yard", b'{"labels": "person"}', ORIGINAL, 1_000)


def lying(written: Encoded, offset: int) -> Record:
    return Record(LETTERS, offset, written.key, written.value, written.headers, 2_000 + offset)


def written(offset: int) -> Record:
    """The letter about a bad record, as it lies in the topic."""
    return lying(letter("enrich", bad(offset), WHY), offset)


def marker(record: Record) -> Record:
    """Of the letter's redrive."""
    (found,) = fold([record])
    return lying(redrive(found, record, record.value)[1], record.offset + 100)


def test_a_letter_says_what_was_wrong_and_where() -> None:
    (found,) = fold([written(7)])

    assert (found.step, found.reason, found.field) == ("enrich", "invalid", "labels")
    assert (found.source, found.source_offset, found.redriven) == (SOURCE, 7, False)


def test_a_letter_written_twice_is_one_at_its_first_place() -> None:
    again = replace(written(7), offset=8, timestamp_ms=9_000)

    assert fold([again, written(7)]) == fold([written(7)])


def test_a_letter_about_what_lies_at_the_same_place_of_a_topic_made_anew_is_another() -> None:
    later = lying(letter("enrich", replace(bad(7), timestamp_ms=5_000), WHY), 8)

    found = fold([written(7), marker(written(7)), later])

    assert [(one.offset, one.redriven) for one in found] == [(7, True), (8, False)]


def test_a_letter_with_its_marker_is_not_open() -> None:
    (found,) = fold([written(7), marker(written(7))])

    assert found.redriven


def test_the_letter_of_a_record_that_failed_again_is_open() -> None:
    found = fold([written(7), marker(written(7)), written(9)])

    assert [(one.source_offset, one.redriven) for one in found] == [(7, True), (9, False)]


def test_what_somebody_else_wrote_into_the_topic_is_no_letter() -> None:
    strange: list[Headers] = [
        (),
        ((names.LETTER_ID, b"no id"),),
        ((names.REDRIVEN, b"\xff"),),
        tuple((k, b"x" if k == names.OFFSET else v) for k, v in written(7).headers),
    ]

    assert fold(replace(written(n), headers=headers) for n, headers in enumerate(strange)) == ()


def test_a_redriven_record_is_for_one_step_and_has_its_own_headers_back() -> None:
    (found,) = fold([written(7)])

    again, _ = redrive(found, written(7), b"corrected")

    assert (again.topic, again.key, again.value) == (SOURCE.topic, b"yard", b"corrected")
    assert again.headers == [
        ("team", b"north"),
        (names.REDRIVE_STEP, b"enrich"),
        (names.REDRIVEN, str(found.id).encode()),
    ]


def test_a_key_and_headers_that_no_letter_can_hold_are_left_out() -> None:
    large = replace(bad(7), key=b"k" * 100_000, headers=[("h", b"h" * 100_000)])

    found = letter("enrich", large, WHY)

    assert found.key is None
    assert sum(len(value) for _, value in found.headers) < 5_000
    detail = dict(found.headers)[names.DETAIL].decode()
    assert detail.endswith(
        "; its headers of 100001 bytes are left out; its key of 100000 bytes is left out"
    )


@given(st.data())
def test_the_fold_does_not_depend_on_order_or_repeats(data: st.DataObject) -> None:
    records = [written(n) for n in range(4)] + [marker(written(n)) for n in (1, 3)]
    repeats = data.draw(st.lists(st.sampled_from(records)))
    shuffled = data.draw(st.permutations([*records, *repeats]))

    found: tuple[DeadLetter, ...] = fold(shuffled)

    assert found == fold(records)
    assert [one.source_offset for one in found if not one.redriven] == [0, 2]


def test_a_letter_says_what_its_record_came_without() -> None:
    bare = replace(bad(7), headers=(), missing="its 90000 headers")

    (found,) = fold([lying(letter("enrich", bare, WHY), 7)])

    assert found.detail == f"{WHY.detail}; its 90000 headers are left out"


def test_headers_that_weigh_nothing_are_left_out_when_there_are_too_many() -> None:
    many = replace(bad(7), headers=[("", b"")] * (HEADERS_MAX + 1))

    written_ = letter("enrich", many, WHY)

    assert len(written_.headers) < HEADERS_MAX
    assert "its 513 headers are left out" in dict(written_.headers)[names.DETAIL].decode()
