"""Follows what becomes of the inputs while the demo runs, and writes it on the board."""

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import httpx

from infra.demo.accounting import OUTCOMES, Balance, Ledger, Sent, carriers, compare
from infra.demo.evidence import Log, Rows
from infra.demo.processes import Kept, steps
from infra.demo.view import Board, Sentence, StepLine
from infra.services.endpoints import ServicesFailed
from schemas.camera_events import CameraEvent
from schemas.inferences import InferenceResult
from schemas.outcomes import AiEvent, Degraded, Described, Skipped, Undescribed

log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
STALL_S: Final = 60.0
"""What did not arrive while nothing arrived for so long is lost."""

QUIET_S: Final = 1.0
QUIET_MAX_S: Final = 10.0
"""Repeats may still be under way when every input has its outcome; we wait until no step moves."""


@dataclass
class Following:
    """Everything that looks for outcomes, from the first input to the balance."""

    board: Board
    ledger: Ledger
    rows: Rows
    log: Log
    worker: Kept
    others: tuple[Kept, ...] = ()
    _progress: float = field(default_factory=time.monotonic)
    _letters: int = 0

    def __post_init__(self) -> None:
        self.log.told = self.told

    def sent(self, event: CameraEvent | InferenceResult, sent: Sent) -> None:
        """An input was published."""
        if isinstance(event, InferenceResult):
            self.board.inferences += 1
            return
        self.board.camera_events += 1
        self.board.cameras[sent.camera_id].events += 1

    def told(self, outcome: AiEvent) -> None:
        """An outcome came in the log."""
        text, style = sentence(outcome)
        said = Sentence(time.monotonic(), outcome.camera.name, text, style)
        self.board.say(outcome.camera_id, said)

    async def until_all(self, publishing: "asyncio.Task[None]") -> str:
        """Returns when every input has its outcome, or why it waits no more. Raises Unavailable."""
        while True:
            await asyncio.sleep(LOOK_S)
            if publishing.done():
                publishing.result()
                self.board.phase = "waiting for the last outcomes"
            else:
                self._progress = time.monotonic()
            await self._look()
            try:
                self._keep()
            except ServicesFailed as failed:
                return str(failed)
            if publishing.done() and not self.ledger.outstanding:
                return ""
            if publishing.done() and time.monotonic() - self._progress > STALL_S:
                return f"nothing arrived for {STALL_S:.0f} s"

    async def steps(self) -> None:
        """Reads the worker's counters once a second until cancelled."""
        async with _client() as client:
            before = time.monotonic()
            while True:
                await asyncio.sleep(1)
                now = time.monotonic()
                found = await steps(client, self.worker.child) or {}
                for name, step in found.items():
                    earlier = self.board.steps.get(name, StepLine()).now
                    rate = max(0, step.received - earlier.received) / (now - before)
                    self.board.steps[name] = StepLine(step, rate)
                before = now if found else before

    async def balance(self) -> Balance:
        """Everything published against everything recorded, read anew. Raises ServicesFailed."""
        self.board.phase = "comparing, id by id"
        await self._quiet()
        await self.log.caught_up()
        span = self.ledger.span(whole=True)
        rows = await self.rows.within(span) if span else []
        return compare(self.ledger, rows, self.log.logged)

    async def _look(self) -> None:
        span = self.ledger.span(whole=False)
        if span is None:
            self.board.outstanding = 0
            self._progress = time.monotonic()
            return
        for row in await self.rows.within(span):
            sent = self.ledger.settle(row.event_id)
            if sent is None:
                continue
            self._progress = time.monotonic()
            if row.outcome in OUTCOMES:
                self.board.cameras[sent.camera_id].outcomes[row.outcome] += 1
        self._look_for_letters()
        self.board.outstanding = len(self.ledger.outstanding)

    def _keep(self) -> None:
        for child in (self.worker, *self.others):
            said = child.keep()
            if said is not None:
                self.board.sentences.append(Sentence(time.monotonic(), "demo", said, "bold yellow"))
                log.warning(said)

    def _look_for_letters(self) -> None:
        letters = self.log.logged.letters
        if letters.total() == self._letters:
            return
        self._letters = letters.total()
        for id_ in [i for i in self.ledger.outstanding if any(c in letters for c in carriers(i))]:
            self.ledger.settle(id_)
            self._progress = time.monotonic()

    async def _quiet(self) -> None:
        async with _client() as client:
            until = time.monotonic() + QUIET_MAX_S
            before = await steps(client, self.worker.child)
            while before is not None and time.monotonic() < until:
                await asyncio.sleep(QUIET_S)
                now = await steps(client, self.worker.child)
                if now == before:
                    return
                before = now


def sentence(outcome: AiEvent) -> tuple[str, str]:
    """What the outcome says, in one line, and how that is shown."""
    match outcome:
        case Described() if outcome.fallback_reason:
            return f"{outcome.answer.description} (a still: the clip was gone)", "yellow"
        case Described():
            return outcome.answer.description, ""
        case Degraded():
            return f"{outcome.answer.description} (degraded: {outcome.note})", "yellow"
        case Undescribed():
            return f"undescribed, {outcome.reason}: {outcome.detail}", "red"
        case Skipped():
            return f"skipped, {outcome.reason}: {outcome.detail}", "dim"


def _client() -> AbstractAsyncContextManager[httpx.AsyncClient]:
    return httpx.AsyncClient(trust_env=False)  # 127.0.0.1 is behind no proxy
