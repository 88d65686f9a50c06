"""`./vidette worker` as people start it: a supervisor with worker processes of its own."""

import os
import signal

import pytest

from infra.services.endpoints import Endpoints
from tests.embedded import fresh_cluster, migrated
from tests.system.processes import COMMAND, process
from tests.system.site import Site


def test_two_workers_one_of_them_killed_are_two_again_and_end_when_asked(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    two = (*COMMAND, "worker", "--steps", "record_inference", "--processes", "2", "--slot", "5")
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("supervised"))
        with process(site, *two) as worker:
            worker.until(lambda: len(list(worker.lines("worker.ready"))) == 2)
            first, _ = worker.lines("supervisor.started")
            os.kill(int(str(first["pid"])), signal.SIGKILL)
            worker.until(lambda: len(list(worker.lines("worker.ready"))) == 3)
            again = list(worker.lines("supervisor.again"))
            died = list(worker.lines("worker.died"))
            status = worker.stop()

    assert [(line["slot"], line["cause"]) for line in again] == [(5, "SIGKILL")]
    assert [(line["cause"], line["starts"]) for line in died] == [("killed", 0)]
    assert status == 0
