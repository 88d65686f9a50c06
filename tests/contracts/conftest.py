"""A bench of each kind, for the suites of the lane's contract."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.lanes import Bench, KafkaBench, MemoryBench


@pytest.fixture(params=["memory", "kafka"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    made: Bench
    made = (
        MemoryBench()
        if request.param == "memory"
        else KafkaBench(request.getfixturevalue("cluster"))
    )
    yield made
    await made.close()
