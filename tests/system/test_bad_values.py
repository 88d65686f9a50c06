"""Bytes that are no event: each becomes one letter that says why, and harms nobody beside it."""

import pytest
from confluent_kafka import KafkaException

from schemas.headers import LETTER_ID
from streams import identity
from streams.dead_letters import DeadLetter
from streams.topics import DEAD_LETTERS
from tests.system.bad_values import BAD_VALUES, BadValue, event
from tests.system.conftest import Published, Settled
from tests.system.processes import Worker
from tests.system.site import Site
from tests.system.upstream import Upstream


def named(bad: BadValue) -> str:
    return bad.name


EACH = pytest.mark.parametrize("bad", BAD_VALUES, ids=named)


def letter_about(bad: BadValue, published: Published, settled: Settled) -> DeadLetter:
    return settled.letters[published.upstream.places[bad.name]]


@EACH
def test_a_bad_value_is_a_letter_with_reason_and_field(
    bad: BadValue, published: Published, settled: Settled
) -> None:
    letter = letter_about(bad, published, settled)

    step = "enrich" if bad.topic == "camera.events.v1" else "record_inference"
    assert (letter.step, letter.reason, letter.field) == (step, bad.reason, bad.field)


@pytest.fixture(scope="module")
def kept(site: Site, settled: Settled) -> dict[str, bytes | None]:
    """What each letter holds, by its id."""
    assert settled.letters
    taken = site.taken(DEAD_LETTERS.name)
    return {dict(record.headers)[LETTER_ID].decode(): record.value for record in taken}


@pytest.mark.parametrize("bad", [bad for bad in BAD_VALUES if not bad.in_media], ids=named)
def test_the_letter_holds_the_value_as_it_came(
    bad: BadValue, published: Published, settled: Settled, kept: dict[str, bytes | None]
) -> None:
    assert kept[str(letter_about(bad, published, settled).id)] == bad.value


@pytest.mark.parametrize("bad", [bad for bad in BAD_VALUES if bad.in_media], ids=named)
def test_a_value_too_large_for_a_letter_lies_in_the_media_store(
    bad: BadValue, site: Site, published: Published, settled: Settled
) -> None:
    letter = letter_about(bad, published, settled)

    assert letter.blob_sha256
    assert site.content(letter) == bad.value


@EACH
def test_its_neighbours_in_the_batch_are_unharmed(
    bad: BadValue, published: Published, settled: Settled
) -> None:
    for neighbour in published.neighbours[bad.name]:
        (row,) = settled.rows[identity.event_id(neighbour)]
        assert (row.outcome, row.clip_failure) == ("undescribed", "no_clip_named")


def test_nothing_else_became_a_letter(settled: Settled) -> None:
    assert len(settled.letters) == len(BAD_VALUES)


def test_an_unknown_camera_is_an_unregistered_device(
    published: Published, settled: Settled
) -> None:
    known = {
        row.registered
        for pair in published.neighbours.values()
        for event in pair
        for row in settled.rows[identity.event_id(event)]
    }

    assert known == {False}


def test_two_megabytes_that_stay_two_megabytes_are_refused_by_the_broker(site: Site) -> None:
    upstream = Upstream(site.cluster, compression="none")
    upstream.send("plain", "camera.events.v1", "k", event(metadata={"x": "x" * 2_000_000}))

    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):
        upstream.flush()


@pytest.fixture(scope="module")
def corrected(
    site: Site, published: Published, settled: Settled, worker: Worker
) -> dict[str, DeadLetter]:
    """Each letter redriven with a good value; their letters as they are afterwards."""
    letters = {bad.name: letter_about(bad, published, settled) for bad in BAD_VALUES}
    values = {letters[bad.name].id: bad.corrected for bad in BAD_VALUES}
    site.redrive(values.keys(), values)
    worker.until(lambda: {bad.event_id for bad in BAD_VALUES} <= {r.event_id for r in site.rows()})
    afterwards = {letter.id: letter for letter in site.all_letters()}
    return {name: afterwards[letter.id] for name, letter in letters.items()}


@EACH
def test_a_corrected_value_that_is_redriven_has_its_outcome(
    bad: BadValue, site: Site, corrected: dict[str, DeadLetter]
) -> None:
    assert corrected[bad.name].redriven
    assert [row.outcome for row in site.rows() if row.event_id == bad.event_id] == [bad.outcome]


def test_no_letter_is_open_afterwards(site: Site, corrected: dict[str, DeadLetter]) -> None:
    assert corrected
    assert [letter for letter in site.open_letters() if letter.id in corrected] == []
