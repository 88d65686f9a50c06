"""The API over its in-memory twins, asked without a socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from connectors.http.app import create_app
from connectors.http.providers.site import Site
from connectors.memory.media import MemoryMedia
from connectors.memory.publisher import MemoryPublisher
from connectors.memory.quota.budgets import MemoryBudgets
from connectors.memory.reads import MemoryReads
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from tests.connectors.http import rows


@dataclass
class World:
    """What stands behind the API, and the API."""

    reads: MemoryReads = field(
        default_factory=lambda: MemoryReads(
            camera_rows=[rows.CAMERA],
            event_rows=[rows.EVENT, rows.RESULT],
            attempt_rows=[rows.TRIED, rows.SKIPPED_FIRST],
            clip_rows={rows.EVENT.event_id: rows.CLIP},
        )
    )
    media: MemoryMedia = field(default_factory=MemoryMedia)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    budgets: MemoryBudgets = field(default_factory=lambda: MemoryBudgets(now=lambda: rows.NOW))
    board: Board = field(default_factory=lambda: Board(By("api", 0.0)))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def site(self) -> Site:
        return Site(
            budgets=self.budgets,
            seats=rows.SEATS,
            order=("openai", "grok", "anthropic"),
            aliases={"claude": "anthropic"},
            kinds=("motion", "person"),
            places=rows.LIMITS.places("openai", local=False),
            board=self.board,
            now=lambda: rows.NOW,
        )

    def app(self) -> FastAPI:
        return create_app(
            reads=self.reads,
            media=self.media,
            publisher=self.publisher,
            site=self.site,
            registry=self.registry,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(world.app()) as found:
        yield found


def connected(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")
