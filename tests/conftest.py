"""Real services for every test that asks: one Kafka and one PostgreSQL, started when needed.

What a test gets of them is its own: a database copied from a migrated one, a namespace on Kafka.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis

from connectors.kafka.clients import Cluster
from infra.services.embedded import running
from infra.services.endpoints import Endpoints
from tests.embedded import Database, fresh_cluster, migrated
from tests.shares import Shares, turn

hypothesis.register_profile("vidette", deadline=None)  # timings belong in the bench, not in a test
hypothesis.load_profile("vidette")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tests of tests/simulation run the one history of this seed instead of many."""
    parser.addoption("--seed", type=int, help="the history to simulate, see docs/contributing.md")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Shares:
    """Of several processes, see tests/shares.py."""
    return Shares(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one process the order is as it is read: what fails early is what is quick."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn(item.nodeid))


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Started by the first test that asks, stopped after the last; pytest shows what they say."""
    with running(tmp_path_factory.mktemp("services"), print) as found:
        yield found


@pytest.fixture(scope="session")
def migrated_template(endpoints: Endpoints) -> Iterator[str]:
    """Migrated once; a copy takes a moment where migrating takes a second."""
    with migrated(endpoints) as database:
        yield database.name


@pytest.fixture
def database(endpoints: Endpoints, migrated_template: str) -> Iterator[Database]:
    """A fresh, migrated database of the test's own."""
    with migrated(endpoints, migrated_template) as found:
        yield found


@pytest.fixture
def cluster(endpoints: Endpoints) -> Cluster:
    """A namespace of the test's own, every topic in it with a few partitions."""
    return fresh_cluster(endpoints)
