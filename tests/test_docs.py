"""The documents against the code: nothing is missing, nothing is named that isn't there."""

import ast
import asyncio
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from infra.docs import DOCS, MARKED, PARTS, commands, documents, stale, values
from infra.settings import ROOT, Settings, variable
from infra.topology import STEPS
from schemas import headers
from schemas.clips import ClipFailure, SkipReason
from schemas.examples.stories import DESCRIBED, SKIPPED, UNDESCRIBED
from schemas.outcomes import UndescribedReason
from streams import wire
from streams.dead_letters import Reason
from streams.projection.ports import REBUILD
from streams.publishing import UPSTREAM
from streams.records import Output
from streams.topics import AI_EVENTS, catalogue
from tests.embedded import Database

PACKAGES: Final = ("schemas", "streams", "agents", "connectors", "infra")
README: Final = (ROOT / "README.md").read_text("utf-8")
RUNBOOK: Final = (DOCS / "runbook.md").read_text("utf-8")
REFERENCE: Final = (DOCS / "reference.md").read_text("utf-8")

BLOCK: Final = re.compile(
    r"(?P<mark><!-- [a-z: ]+ -->\n)?^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```",
    re.MULTILINE | re.DOTALL,
)
CODE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK: Final = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
SETTING: Final = re.compile(r"\bVIDETTE_[A-Z_]+\b")
LOGGED: Final = re.compile(r"(?:kafka|worker|projection|follower|step|read_model)\.[a-z_]+")
CLASS: Final = re.compile(r"(?:[A-Z][a-z]+){2,}|OSError")
CONSUMED: Final = (DESCRIBED, UNDESCRIBED, SKIPPED)
READ_TIMEOUT_S: Final = 60.0

ALL = pytest.mark.parametrize(
    "document", list(documents()), ids=lambda path: str(path.relative_to(ROOT))
)


def blocks(text: str, kind: str) -> Iterator[str]:
    """Fenced blocks of a kind that are ours to answer for."""
    for block in BLOCK.finditer(text):
        if block["kind"] == kind and "not ours" not in (block["mark"] or ""):
            yield block["text"]


def only_block(text: str, kind: str, holding: str) -> str:
    (found,) = [block for block in blocks(text, kind) if holding in block]
    return found


def source() -> str:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return "\n".join(path.read_text("utf-8") for path in paths)


def test_generated_parts_are_what_the_code_says() -> None:
    assert [str(path) for path in stale()] == [], "run: PYTHONPATH=. .venv/bin/python -m infra.docs"


def test_every_generated_part_is_somewhere() -> None:
    used = {found["name"] for path in documents() for found in MARKED.finditer(path.read_text())}

    assert used == PARTS.keys()


@ALL
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(document.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def anchors(document: Path) -> set[str]:
    titles = HEADING.findall(document.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@ALL
def test_every_command_and_option_that_is_named_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    lines = [line for block in blocks(text, "sh") for line in joined(block)]
    lines += [code for code in CODE.findall(text) if "./vidette" in code]

    assert [line for line in lines for call in calls(line) if trouble(call)] == []


def joined(block: str) -> list[str]:
    return block.replace("\\\n", " ").replace("|\n", "| ").splitlines()


def calls(line: str) -> Iterator[list[str]]:
    """The words behind each `./vidette` of a line of shell."""
    for part in line.replace("\\|", "|").split("|"):
        words = shlex.split(part, comments=True)
        if "./vidette" in words:
            yield words[words.index("./vidette") + 1 :]


def trouble(words: list[str]) -> str:
    if not words:
        return ""
    known = commands()
    name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
    if name not in known:
        groups = {command.partition(" ")[0] for command in known}
        return "" if words[0] in groups and len(words) == 1 else f"no command: {words}"
    options = {option for param in known[name].params for option in param.opts} | {"--help"}
    given = words[: words.index("--")] if "--" in words else words
    unknown = [w for w in given if w.startswith("--") and w.partition("=")[0] not in options]
    return f"{name}: no options {unknown}" if unknown else wrong_value(name, given)


def wrong_value(name: str, words: list[str]) -> str:
    """Values that come from closed lists."""
    lists: dict[str, tuple[str, ...]] = {"--steps": STEPS, "--step": STEPS}
    if name.startswith("dead-letters"):
        lists |= {"--reason": values(Reason)}
    for option, value in pairwise(words):
        if option in lists and not set(value.split(",")) <= set(lists[option]):
            return f"{option} {value}"
    topics = {topic.name for topic in catalogue()} | {"TOPIC"}
    return words[1] if name == "tail" and len(words) > 1 and words[1] not in topics else ""


def test_the_advice_of_the_ledger_errors_is_a_command() -> None:
    found = [call for code in CODE.findall(REBUILD) for call in calls(code)]

    assert found
    assert [call for call in found if trouble(call)] == []


@ALL
def test_every_setting_that_is_named_exists(document: Path) -> None:
    known = {variable(name) for name in Settings.model_fields} | {"VIDETTE_"}

    assert set(SETTING.findall(document.read_text("utf-8"))) - known == set()


@ALL
def test_every_shell_snippet_is_shell(document: Path) -> None:
    for block in blocks(document.read_text("utf-8"), "sh"):
        done = subprocess.run(["/bin/sh", "-n"], input=block, text=True, check=False)
        assert done.returncode == 0, block


@pytest.mark.parametrize(
    ("section", "reasons"),
    [
        ("Dead letters", values(Reason)),
        ("Clip failures", values(ClipFailure)),
        ("Skips", values(SkipReason)),
        ("Undescribed", values(UndescribedReason)),
    ],
)
def test_every_reason_has_its_row(section: str, reasons: tuple[str, ...]) -> None:
    assert sorted(rows(section)) == sorted(reasons)


def test_every_header_has_its_row() -> None:
    constants = {value for value in vars(headers).values() if isinstance(value, str)}
    named = {
        value for name, value in vars(headers).items() if name.isupper() and value in constants
    }

    assert set(rows("Headers")) == named - {headers.PREFIX, headers.CE_TYPE_PREFIX}


def rows(section: str) -> list[str]:
    """The first cells of the table below a heading of the reference."""
    _, _, text = REFERENCE.partition(f"# {section}\n")
    text, _, _ = text.partition("\n#")
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("path", sorted(DOCS.glob("decisions/*.md")), ids=lambda path: path.stem)
def test_a_decision_has_context_decision_and_consequence(path: Path) -> None:
    titles = re.findall(r"^(#+ .+)$", path.read_text("utf-8"), re.MULTILINE)

    assert re.match(r"# (?:\d+\. )?\S", titles[0])
    assert [
        title for title in titles if title in {"## Context", "## Decision", "## Consequence"}
    ] == [
        "## Context",
        "## Decision",
        "## Consequence",
    ]
    assert len(path.read_text("utf-8").splitlines()) <= 90


def test_what_the_runbook_quotes_of_the_log_is_written_by_the_code() -> None:
    quoted = {code for code in CODE.findall(RUNBOOK) if LOGGED.fullmatch(code)}
    code = source()

    assert quoted
    assert [event for event in quoted if f'"{event}"' not in code] == []


def test_the_errors_that_the_runbook_names_exist() -> None:
    named = {code for code in CODE.findall(RUNBOOK) if CLASS.fullmatch(code)}
    code = source()

    assert named
    assert [name for name in named if not re.search(rf"\b{name}\b", code)] == []


def test_the_changelog_speaks_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

    assert version in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_event_of_the_readme_is_one_that_can_be_published(tmp_path: Path) -> None:
    block = only_block(README, "sh", "printf").replace("./vidette publish -", "cat")
    said = subprocess.check_output(["/bin/sh", "-ec", block], cwd=tmp_path)

    event = UPSTREAM.decode(said)

    assert getattr(event, "clip_url", None) == f"{tmp_path}/clip.mp4"


def test_the_settings_of_the_readme_are_valid() -> None:
    block = only_block(README, "sh", "VIDETTE_KAFKA_SASL_PASSWORD")
    given = dict(line.split("=", 1) for line in block.splitlines())

    set_ = {name.removeprefix("VIDETTE_").lower(): value for name, value in given.items()}

    assert Settings.model_validate(set_).topic_partitions == 48


async def test_the_query_of_the_readme_is_answered(database: Database) -> None:
    query = only_block(README, "sh", "./vidette psql").split("'")[-2]
    connection = await asyncpg.connect(database.url, server_settings={"search_path": "read_model"})
    try:
        assert await connection.fetch(query) == []
    finally:
        await connection.close()


async def test_the_consumer_of_the_readme_reads_the_log(cluster: Cluster, tmp_path: Path) -> None:
    program = only_block(README, "python", "aiokafka")
    used = {n.module for n in ast.walk(ast.parse(program)) if isinstance(n, ast.ImportFrom)}
    publisher = KafkaPublisher(cluster)
    outputs = [wire.encoded("describe", Output(AI_EVENTS, event)) for event in CONSUMED]
    await publisher.append(outputs)
    await publisher.close()
    file = tmp_path / "consumer.py"
    file.write_text(program)

    said = await first_lines(
        len(outputs), str(file), cluster.bootstrap_servers, cluster.named(AI_EVENTS.name)
    )

    assert used == {"pathlib", "aiokafka", "jsonschema"}
    assert sorted(line.split("Z ", 1)[1] for line in said) == sorted(
        [
            f"Front gate described {DESCRIBED.answer.description}",
            f"{UNDESCRIBED.camera.name} undescribed {UNDESCRIBED.reason}",
            f"Front gate skipped {SKIPPED.reason}",
        ]
    )


async def first_lines(count: int, *words: str) -> list[str]:
    """What a Python program says first; it is ended then."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            assert process.stdout
            return [(await process.stdout.readline()).decode().rstrip() for _ in range(count)]
    finally:
        process.kill()
        await process.wait()
