"""`./vidette doctor`: what this machine has, what is missing, and what to do about it."""

import asyncio
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import asyncpg
import typer
from alembic.script import ScriptDirectory
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console

from connectors.postgres.connection import READ_MODEL, quoted
from infra.endpoints import cluster
from infra.migrate import MIGRATIONS
from infra.providers.roster import UnknownProvider, providers
from infra.services import jars
from infra.services.embedded import find
from infra.services.endpoints import Endpoints
from infra.settings import ROOT, Settings
from streams.providers.ports import Missing

GB = 1_000_000_000
DISK_BYTES_MIN, DISK_BYTES_ENOUGH = GB, 5 * GB
MEMORY_BYTES_ENOUGH = 2 * GB
"""Kafka's heap and PostgreSQL's buffers take 1.3 GB at most; the rest is for workers."""

TIMEOUT_S = 5.0


class Level(StrEnum):
    """How bad it is: only FAIL keeps Vidette from working as it is set up."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


@dataclass(frozen=True)
class Finding:
    """One line of the report; a finding that isn't OK says what to do."""

    level: Level
    subject: str
    text: str


def doctor() -> None:
    """Check this machine and what Vidette would use on it; each line says what to do.

    Example: ./vidette doctor
    """
    console = Console(highlight=False)
    settings = Settings()
    failed = False
    for finding in examine(settings):
        failed = failed or finding.level is Level.FAIL
        console.print(f"{finding.level:<5}", style=COLOURS[finding.level], end="")
        console.print(f"{finding.subject:<12}{finding.text}", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, cheap ones first."""
    yield _python()
    yield _packages()
    yield from _folders(settings)
    yield _disk(settings.folder)
    yield _memory()
    yield _api_port(settings)
    embedded = find(settings.folder)
    yield _kafka(settings, embedded)
    yield _database(settings, embedded)
    yield from _providers(settings)
    yield from _clip_folders(settings)


def _python() -> Finding:
    return Finding(Level.OK, "Python", platform.python_version())  # `vidette` refuses older ones.


def _packages() -> Finding:
    stamp = ROOT / ".venv" / "runtime.stamp"
    with (ROOT / "infra" / "locks" / "runtime.txt").open("rb") as lock:
        now = subprocess.check_output(["cksum"], stdin=lock, text=True)  # noqa: S607 - as `vidette` does
    if not stamp.exists() or stamp.read_text().strip() != now.strip():
        text = "not as locked in infra/locks/runtime.txt: start by ./vidette, which installs them."
        return Finding(Level.WARN, "packages", text)
    return Finding(Level.OK, "packages", "as locked in infra/locks/runtime.txt")


def _folders(settings: Settings) -> Iterator[Finding]:
    for subject, folder in (("data", settings.folder), ("cache", settings.cache_folder)):
        if os.access(_existing(folder), os.W_OK | os.X_OK):
            yield Finding(Level.OK, subject, f"{folder} can be written")
        else:
            remedy = "set VIDETTE_FOLDER and VIDETTE_CACHE_FOLDER to folders of your own."
            yield Finding(Level.FAIL, subject, f"{folder} can't be written: {remedy}")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{free / GB:.1f} GB free for {folder}"
    if free < DISK_BYTES_MIN:
        return Finding(Level.FAIL, "disk", f"{text}: free some, or set VIDETTE_FOLDER elsewhere.")
    if free < DISK_BYTES_ENOUGH:
        return Finding(Level.WARN, "disk", f"{text}: enough for a demo, not for days of events.")
    return Finding(Level.OK, "disk", text)


def _memory() -> Finding:
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(facts["MemAvailable"].split()[0]) * 1024
    text = f"{free / GB:.1f} GB available"
    if free < MEMORY_BYTES_ENOUGH:
        return Finding(Level.WARN, "memory", f"{text}: close programs, or use a Kafka elsewhere.")
    return Finding(Level.OK, "memory", text)


def _api_port(settings: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as error:
            text = f"{settings.api_port} can't be had ({error.strerror}): set VIDETTE_API_PORT"
            return Finding(Level.WARN, "API port", f"{text}, unless Vidette's API has it.")
    return Finding(Level.OK, "API port", f"{settings.api_port} is free")


def _kafka(settings: Settings, embedded: Endpoints | None) -> Finding:
    servers = settings.kafka_bootstrap_servers
    if servers:
        kind, found = "yours", Endpoints(servers, "", "")
    elif embedded:
        kind, found = "embedded", embedded
    else:
        return _not_running("Kafka", fetched=_has_jars(settings))
    client = AdminClient({**cluster(settings, found).confluent(), "log_level": 0})
    try:
        brokers = client.list_topics(timeout=TIMEOUT_S).brokers
    except KafkaException as error:
        where = "VIDETTE_KAFKA_BOOTSTRAP_SERVERS and the SASL and TLS settings"
        return Finding(Level.FAIL, "Kafka", f"{error.args[0].str()}: check {where}.")
    text = f"{kind}, {found.bootstrap_servers}, brokers: {len(brokers)}"
    return Finding(Level.OK, "Kafka", text)


def _database(settings: Settings, embedded: Endpoints | None) -> Finding:
    ours, admin = settings.database_url, settings.database_admin_url
    if ours:
        kind, url = "yours", ours.get_secret_value()
        admin_url = admin.get_secret_value() if admin else None
    elif embedded:
        kind, url, admin_url = "embedded", embedded.database_url, embedded.database_admin_url
    else:
        return _not_running("database", fetched=True)
    try:
        version, migrated = asyncio.run(_asked(url, admin_url))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        text = f"{str(error) or type(error).__name__}: check VIDETTE_DATABASE_URL and its admin's."
        return Finding(Level.FAIL, "database", text)
    if not migrated:
        text = f"{kind}, PostgreSQL {version}, not up to date: run ./vidette migrate."
        return Finding(Level.WARN, "database", text)
    return Finding(Level.OK, "database", f"{kind}, PostgreSQL {version}, migrated")


async def _asked(url: str, admin_url: str | None) -> tuple[str, bool]:
    """The server's version, and whether the read model is there (as admin: the newest)."""
    connection = await asyncpg.connect(url, timeout=TIMEOUT_S)
    try:
        version: str = await connection.fetchval("show server_version", timeout=TIMEOUT_S)
    finally:
        await connection.close()
    connection = await asyncpg.connect(admin_url or url, timeout=TIMEOUT_S)
    table = f"{quoted(READ_MODEL)}.{'alembic_version' if admin_url else 'ai_events'}"
    try:
        there = await connection.fetchval("select to_regclass($1)::text", table, timeout=TIMEOUT_S)
        if not (there and admin_url):
            return version, there is not None
        query = f"select version_num from {table}"  # noqa: S608 - a constant name
        revision = await connection.fetchval(query, timeout=TIMEOUT_S)
    finally:
        await connection.close()
    return version, revision == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _has_jars(settings: Settings) -> bool:
    return jars.place_of_all((settings.cache_folder, settings.folder / "cache")) is not None


def _not_running(subject: str, *, fetched: bool) -> Finding:
    text = "embedded, not running: ./vidette services starts it, ./vidette demo too"
    return Finding(Level.OK, subject, text if fetched else f"{text} (fetches about 45 MB once)")


def _providers(settings: Settings) -> Iterator[Finding]:
    """In the order in which they are asked; of keys only whether they are there."""
    try:
        candidates = providers(settings)
    except UnknownProvider as error:
        yield Finding(Level.FAIL, "provider", f"{error}.")
        return
    for candidate in candidates:
        if isinstance(candidate, Missing):
            text = f"{candidate.name} is passed over: {candidate.refusal.detail}"
            named = bool(settings.ai_provider_order)
            yield Finding(Level.WARN if named else Level.OK, "provider", text)
        else:
            where = (
                "frames stay on the site" if candidate.profile.local else "frames leave the site"
            )
            yield Finding(Level.OK, "provider", f"{candidate.name}, {candidate.model}: {where}")


def _clip_folders(settings: Settings) -> Iterator[Finding]:
    for folder in settings.clip_roots:
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
            yield Finding(Level.OK, "clips", f"{folder} can be read")
        elif settings.clip_folders:
            text = f"{folder} can't be read: check VIDETTE_CLIP_FOLDERS."
            yield Finding(Level.FAIL, "clips", text)


def _existing(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
