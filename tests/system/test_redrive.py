"""Another chance for a letter: for one step, once, and by hand through the command."""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs

from schemas import headers as names
from schemas.codec import encode
from schemas.examples.upstream import REGISTRATION
from streams import identity
from streams.dead_letters import DeadLetter
from streams.topics import DEAD_LETTERS, REGISTRY
from tests.system.processes import Worker, command
from tests.system.site import Site
from tests.system.upstream import Upstream, sighting

TOPIC = "camera.events.v1"
HEADERS = (("team", b"north"), (names.CORRELATION_ID, b"story-7"))
BROKEN = b'{"type": "smart-detection", "camera_id": "\x1b[2J"'


@dataclass(frozen=True)
class Desk:
    """Somebody who publishes what is wrong and looks after it."""

    site: Site
    worker: Worker
    upstream: Upstream

    def letter(self, name: str, value: bytes | None = BROKEN) -> DeadLetter:
        """About a value that was just published."""
        self.upstream.send(name, TOPIC, f"key-{name}", value, HEADERS)
        self.upstream.flush()
        return self.letter_at(name)

    def letter_at(self, name: str) -> DeadLetter:
        """About what lies where the named record went."""
        place = self.upstream.places[name]
        return self.worker.until(
            lambda: next(
                (x for x in self.site.all_letters() if (x.source, x.source_offset) == place), None
            )
        )

    def settle(self) -> None:
        """Returns when nothing is under way."""
        self.worker.until(lambda: not any(self.site.lag().values()))

    def open_about(self, key: str) -> list[DeadLetter]:
        """Open letters about records of a key."""
        about = [
            dict(x.headers) for x in self.site.taken(DEAD_LETTERS.name) if x.key == key.encode()
        ]
        ids = {headers.get(names.LETTER_ID, b"").decode() for headers in about}
        return [letter for letter in self.site.open_letters() if str(letter.id) in ids]


@pytest.fixture(scope="module")
def desk(site: Site, worker: Worker) -> Desk:
    return Desk(site, worker, Upstream(site.cluster))


@pytest.fixture
def value(tmp_path: Path) -> Path:
    path = tmp_path / "value.json"
    path.write_bytes(encode(sighting("redriven", "by-command")))
    return path


def test_the_command_lists_shows_and_redrives_a_letter(desk: Desk, value: Path) -> None:
    letter = desk.letter("by-command")

    listed = command(desk.site, "dead-letters", "list", "--json", "--step", "enrich")
    assert str(letter.id) in {json.loads(line)["id"] for line in listed.stdout.splitlines()}
    shown = command(desk.site, "dead-letters", "show", str(letter.id))
    assert "vidette_reason: malformed" in shown.stdout
    assert "\x1b" not in shown.stdout
    redriven = command(desk.site, "dead-letters", "redrive", str(letter.id), "--value", str(value))
    assert (redriven.returncode, redriven.stderr) == (0, "1 redriven, 0 refused\n")

    event_id = identity.event_id(sighting("redriven", "by-command"))
    desk.worker.until(lambda: event_id in {row.event_id for row in desk.site.rows()})
    listed = command(desk.site, "dead-letters", "list")
    assert str(letter.id) not in listed.stdout


def test_a_letter_is_redriven_once(desk: Desk) -> None:
    letter = desk.letter("once")
    assert desk.site.redrive([letter.id]).done

    second = command(desk.site, "dead-letters", "redrive", str(letter.id))

    assert second.returncode == 1
    assert second.stderr.startswith(f"error: letter {letter.id} was redriven before; --again")


def test_again_redrives_it_once_more(desk: Desk) -> None:
    letter = desk.letter("again")
    assert desk.site.redrive([letter.id]).done

    second = command(desk.site, "dead-letters", "redrive", str(letter.id), "--again")

    assert (second.returncode, second.stderr) == (0, "1 redriven, 0 refused\n")


def test_what_fails_again_is_a_new_letter(desk: Desk) -> None:
    first = desk.letter("fails-again")

    desk.site.redrive([first.id])
    desk.settle()

    (second,) = desk.open_about("key-fails-again")
    assert second.id != first.id


def test_a_redriven_record_keeps_its_key_and_its_headers(desk: Desk) -> None:
    letter = desk.letter("headers")

    desk.site.redrive([letter.id])

    again = [record for record in desk.site.taken(TOPIC) if record.key == b"key-headers"]
    assert again[1].value == BROKEN
    assert again[1].headers == (
        *HEADERS,
        (names.REDRIVE_STEP, b"enrich"),
        (names.REDRIVEN, str(letter.id).encode()),
    )


@pytest.mark.parametrize("step", ["enrich", "project", "nobody"])
def test_a_topics_only_reader_works_on_whatever_a_redrive_header_says(
    desk: Desk, step: str
) -> None:
    """The header may be an upstream's own; a record that its only reader skips would vanish."""
    event = sighting("named", f"for-{step}")
    desk.upstream.event(event, [(names.REDRIVE_STEP, step.encode())])
    desk.upstream.flush()
    desk.settle()

    event_id = identity.event_id(event)
    assert len([row for row in desk.site.rows() if row.event_id == event_id]) == 1


def test_two_megabytes_are_redriven_only_when_corrected(desk: Desk) -> None:
    letter = desk.letter("large", b"x" * 2_000_000)

    refused = command(desk.site, "dead-letters", "redrive", str(letter.id))

    assert refused.returncode == 1
    assert f"the value of letter {letter.id} has 2000000 bytes" in refused.stderr


@pytest.mark.parametrize("replaced", [True, False])
def test_a_registration_is_redriven_unless_a_later_one_has_replaced_it(
    desk: Desk, *, replaced: bool
) -> None:
    """In the registry the newest record counts: it may be the one that made a camera private."""
    old = structs.replace(REGISTRATION, camera_id=f"replaced-{replaced}")
    key = str(identity.camera_id(old.source, old.camera_id))
    desk.upstream.send(key, REGISTRY.name, key, encode(old)[:-1])
    if replaced:
        newer = structs.replace(old, privacy="local-only")
        desk.upstream.send("newer", REGISTRY.name, key, encode(newer))
    desk.upstream.flush()
    letter = desk.letter_at(key)

    result = desk.site.redrive([letter.id], {letter.id: encode(old)})

    refused = [why.split(", camera")[0] for why in result.refused.values()]
    said = f"letter {letter.id} would overwrite a later record of its key"
    assert (len(result.done), refused) == ((0, [said]) if replaced else (1, []))


def test_a_letter_that_does_not_exist_is_named_in_one_sentence(desk: Desk) -> None:
    unknown = str(UUID(int=7))

    said = command(desk.site, "dead-letters", "redrive", unknown).stderr

    assert said.splitlines()[0] == (
        f"error: there is no letter {unknown}; `dead-letters list --all` shows all"
    )


def test_a_key_too_large_for_a_letter_is_left_out_and_the_letter_says_so(desk: Desk) -> None:
    desk.upstream.send("large-key", TOPIC, b"k" * 1_500_000, b"{")
    desk.upstream.flush()

    letter = desk.letter_at("large-key")

    assert letter.reason == "malformed"
    assert letter.detail.endswith("; its key of 1500000 bytes is left out")


def test_headers_too_large_for_a_letter_are_left_out_and_the_letter_says_so(desk: Desk) -> None:
    desk.upstream.send("large-header", TOPIC, "large-header", b"{", [("h", b"h" * 1_500_000)])
    desk.upstream.flush()

    assert desk.letter_at("large-header").detail.endswith("bytes are left out")


def test_letters_are_redriven_by_their_reason(desk: Desk) -> None:
    letter = desk.letter("by-reason", b'{"a": "\\u0000"}')

    done = command(desk.site, "dead-letters", "redrive", "--reason", "nul_character")

    assert done.returncode == 0
    assert letter.id not in {found.id for found in desk.site.open_letters()}
