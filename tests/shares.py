"""How the tests are shared out among the processes of `-n`: by file, the long ones first.

A share stays together in one process, so what a module sets up is set up once. Each process has a
Kafka and a PostgreSQL of its own.
"""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

ONE_SITE: Final = frozenset(
    f"tests/system/test_{name}.py"
    for name in ("bad_clips", "bad_values", "downstream", "redrive", "repeats")
)
"""They look at one site with one worker, of tests/system/conftest.py."""

LONG_FIRST: Final = ("tests/system/", "tests/infra/test_demo.py", "tests/simulation/")
"""In this order; so that no process is left alone with a long file in the end."""


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # unknown to mypy: without types
    """Decides which tests stay together."""

    def _split_scope(self, nodeid: str) -> str:
        """The name of a test's share."""
        file: str = nodeid.partition("::")[0]
        return "one site" if file in ONE_SITE else file


def turn(nodeid: str) -> int:
    """Tests with a lower number come first."""
    turns = (n for n, start in enumerate(LONG_FIRST) if nodeid.startswith(start))
    return next(turns, len(LONG_FIRST))
