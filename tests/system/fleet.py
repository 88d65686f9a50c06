"""Workers of several releases on one site, each in its slot, replaced one after the other."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from infra.topology import STEPS
from tests.system.processes import COMMAND, Worker, process
from tests.system.site import Site


@dataclass
class Fleet:
    """Workers by slot; a successor takes its predecessor's slot."""

    site: Site
    stack: ExitStack
    workers: dict[int, Worker] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def put(self, slot: int, version: str, steps: str = ",".join(STEPS)) -> Worker:
        """Stops whoever has the slot; returns when the new worker has a share of each step."""
        self.end(slot)
        command = (*COMMAND[:2], "tests.system.version_worker", version, steps)
        worker = self.stack.enter_context(process(self.site, *command, slot=str(slot)))
        groups = [f'"group": "{step}"' for step in steps.split(",")]
        worker.until(lambda: all(g in assigned(worker) for g in groups))
        self.workers[slot] = worker
        return worker

    def end(self, slot: int) -> None:
        """Stops whoever has the slot, if anybody."""
        old = self.workers.pop(slot, None)
        if old:
            self.statuses.append(old.stop())

    def work_on(self, rows: int) -> None:
        """Returns when there are so many more rows than now."""
        enough = len(self.site.rows()) + rows
        self.any.until(lambda: len(self.site.rows()) >= enough)

    @property
    def any(self) -> Worker:
        """One that works."""
        return next(iter(self.workers.values()))


def assigned(worker: Worker) -> str:
    """What the worker says of partitions that it got."""
    lines = worker.log.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if "kafka.assigned" in line)
