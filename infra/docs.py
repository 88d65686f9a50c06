"""The parts of the documents that are generated from code, so that nothing can be missing.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; a test compares. To write them
anew, in the project's folder: `PYTHONPATH=. .venv/bin/python -m infra.docs`.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args

import click
import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from typer.main import get_command

from agents.runtime.asking import TRIES_MAX
from connectors.http.app import create_app
from connectors.http.providers.site import Site
from connectors.http.story import HttpMetrics
from connectors.memory.media import MemoryMedia
from connectors.memory.publisher import MemoryPublisher
from connectors.memory.quota.budgets import MemoryBudgets
from connectors.memory.reads import MemoryReads
from connectors.metrics.prometheus import PrometheusMeter
from infra.cli.app import COMMANDS, load
from infra.settings import ROOT, Settings, variable
from infra.topology import reads_of, shown
from schemas.event import Written, tag
from streams.providers.health.diagrams import blacklist_diagram, breaker_diagram
from streams.steps import Effect, Projection, Pure, Step
from streams.topics import DEAD_LETTERS, TOPICS, RawTopic, Topic, catalogue

DOCS: Final = ROOT / "docs"
MARKED: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
Row = tuple[str, ...]


def stale() -> dict[Path, str]:
    """Documents whose generated parts differ from the code, and the text that they should have."""
    wanted = {path: rewritten(path.read_text(encoding="utf-8")) for path in documents()}
    return {path: text for path, text in wanted.items() if path.read_text("utf-8") != text}


def documents() -> Iterator[Path]:
    """Every document for people."""
    yield ROOT / "README.md"
    yield from sorted(DOCS.rglob("*.md"))


def rewritten(text: str) -> str:
    """The text with its generated parts made anew. Raises KeyError for a part nobody makes."""
    return MARKED.sub(lambda m: f"{m['begin']}{PARTS[m['name']]()}\n{m['end']}", text)


def _topology() -> str:
    lines = ["```mermaid", "flowchart TB"]
    lines += [f'    {_node(topic.name)}[("{topic.name}")]' for topic in catalogue()]
    for step in shown():
        kind = type(step).__name__.lower()
        lines.append(f'    {step.name}["{step.name}<br/>{kind}"]')
        lines += [f"    {_node(topic.name)} --> {step.name}" for topic in reads_of(step)]
        lines += [f"    {step.name} --> {_node(topic.name)}" for topic in _writes(step)]
        lines.append(f"    {step.name} -.-> {_node(DEAD_LETTERS.name)}")
    lines += ['    read_model[("PostgreSQL<br/>read model")]', "    project ==> read_model", "```"]
    return "\n".join(lines)


def _node(topic: str) -> str:
    return topic.replace(".", "_")


def _writes(step: Step) -> tuple[Topic[msgspec.Struct], ...]:
    return () if isinstance(step, Projection) else step.writes


def _steps() -> str:
    rows: list[Row] = []
    for step in shown():
        if isinstance(step, Projection):
            runs, limits = "`streams/projection/project.py`", "batches"
        else:
            agent = type(getattr(step.runs, "__self__", step.runs))  # it may be a method
            runs = f"`{agent.__module__.replace('.', '/')}.py`"
            limits = _limits(step)
        reads, writes = (_listed(t.name for t in ts) for ts in (reads_of(step), _writes(step)))
        kind = type(step).__name__.lower()
        rows.append((f"`{step.name}`", kind, reads, writes or "the read model", runs, limits))
    return _table(("step", "kind", "reads", "writes", "what it does", "how much at once"), rows)


def _limits(step: Pure[msgspec.Struct] | Effect[msgspec.Struct]) -> str:
    if isinstance(step, Effect):
        return (
            f"{step.in_flight} records, each at most {TRIES_MAX} calls of {step.time_limit_s:g} s"
        )
    return "batches"


def _topics() -> str:
    rows = [
        (
            f"`{topic.name}`",
            topic.about,
            f"`{topic.key}`" if isinstance(topic, Topic) else topic.key,
            _kept(topic),
            _words_of(topic),
        )
        for topic in catalogue()
    ]
    return _table(("topic", "carries", "key", "kept", "words"), rows)


def _kept(topic: Topic[msgspec.Struct] | RawTopic) -> str:
    if topic.compacted:
        return "the newest record of each key"
    return "for ever" if topic.kept is None else f"{topic.kept.days} days"


def _words_of(topic: Topic[msgspec.Struct] | RawTopic) -> str:
    return "bytes as they came" if isinstance(topic, RawTopic) else _listed(map(tag, topic.words))


def _words() -> str:
    rows = []
    for topic in TOPICS:
        for word in topic.words:
            name = tag(word)
            kinds = ("schema", "example")
            files = ", ".join(f"[{k}](../schemas/published/{name}.{k}.json)" for k in kinds)
            writer = "Vidette" if issubclass(word, Written) else "upstream"
            meaning = " ".join((word.__doc__ or "").split())
            rows.append((f"`{name}`", meaning, writer, f"`{topic.name}`", files))
    return _table(("type", "meaning", "written by", "topic", "files"), rows)


def _settings() -> str:
    rows = [
        (f"`{variable(name)}`", _default(field.get_default()), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table(("variable", "default", "meaning"), rows)


def _default(value: object) -> str:
    if value is None or value in ("", (), {}):
        return "not set"
    if isinstance(value, Path):
        inside = value.is_relative_to(ROOT)
        return f"`{value.relative_to(ROOT)}` in the project's folder" if inside else f"`{value}`"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def metrics() -> Mapping[str, Row]:
    """By its name as Prometheus scrapes it: type, labels, meaning, who serves it.

    Each is counted once here, because a metric that never was has no labels to show.
    """
    meter, registry = PrometheusMeter(), CollectorRegistry()
    meter.received("step", 1)
    meter.published("step", "topic", 1)
    meter.dead("step", "reason")
    meter.repeated("step", 1)
    meter.took("step", 1)
    meter.lag("step", "topic", 0, 1)
    meter.abandoned("step", 1)
    meter.suspects("step", 1)
    meter.agreed(1)
    HttpMetrics(registry).answered("GET", "route", 200, 1)
    found: dict[str, Row] = {}
    for place, source in (("worker", meter.registry), ("API", registry)):
        for metric in source.collect():
            labels = dict.fromkeys(name for sample in metric.samples for name in sample.labels)
            shown = _listed(name for name in labels if name != "le")
            name = metric.name + ("_total" if metric.type == "counter" else "")
            found[name] = (metric.type, shown, metric.documentation, place)
    return found


def _metrics() -> str:
    rows = [(f"`{name}`", *facts) for name, facts in metrics().items()]
    return _table(("metric", "type", "labels", "meaning", "served by"), rows)


def commands() -> Mapping[str, click.Command]:
    """Every command by its words, such as `topics apply`."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        root = cast("click.Group", get_command(load(name)))
        found |= _leaves(name, root.commands.get(name) or root)
    return found


def _leaves(name: str, command: click.Command) -> dict[str, click.Command]:
    inner = getattr(command, "commands", None)
    if inner is None or name in inner:
        return {name: inner[name] if inner else command}
    return {f"{name} {key}": leaf for key, leaf in inner.items()}


def _commands() -> str:
    rows = []
    for name, command in commands().items():
        about = (command.help or "").strip().partition("\n")[0]
        options = [" ".join(_option(option)) for option in command.params]
        rows.append((f"`./vidette {name}`", about, "<br/>".join(options)))
    return _table(("command", "what it does", "arguments and options"), rows)


def _option(option: click.Parameter) -> Iterator[str]:
    """Its names, then its help."""
    if option.param_type_name == "option":
        yield ", ".join(f"`{name}`" for name in option.opts)
    else:
        yield f"`{getattr(option, 'metavar', None) or (option.name or '').upper()}`"
    yield getattr(option, "help", None) or ""


def _paths() -> str:
    rows = [
        (f"`{method.upper()} {path}`", str(operation["summary"]))
        for path, methods in api().openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return _table(("path", "answers"), rows)


def api() -> FastAPI:
    """The HTTP API over twins, to be looked at."""
    return create_app(
        reads=MemoryReads(),
        media=MemoryMedia(),
        publisher=MemoryPublisher(),
        site=Site(MemoryBudgets()),
        registry=CollectorRegistry(),
    )


def values(literal: Any) -> tuple[str, ...]:  # noqa: ANN401  # a typing form has no type of its own
    """Every value of a Literal, or of a union of Literals."""
    return tuple(v for arg in get_args(literal) for v in ([arg] if _is_text(arg) else values(arg)))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "topology": _topology,
    "steps": _steps,
    "topics": _topics,
    "words": _words,
    "settings": _settings,
    "metrics": _metrics,
    "commands": _commands,
    "http-paths": _paths,
    "breaker": breaker_diagram,
    "blacklist": blacklist_diagram,
}

if __name__ == "__main__":
    for document, text in stale().items():
        document.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written: {document.relative_to(ROOT)}\n")
