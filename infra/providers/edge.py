"""What the API knows of providers: as the settings have them, and as the log says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from connectors.http.providers.site import Site
from connectors.kafka.clients import Cluster
from connectors.kafka.shared import KafkaShared
from connectors.postgres.budgets import PostgresBudgets
from infra.prompts.loading import FOLDER, prompts
from infra.providers import roster
from infra.settings import Settings
from infra.spending.keeping import places
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.queries import Publisher, Unavailable

log = structlog.get_logger(__name__)


@asynccontextmanager
async def site(
    settings: Settings, kafka: Cluster, publisher: Publisher, database_url: str
) -> AsyncIterator[Site]:
    """Follows states and commands as long as the context lasts, as workers do; writes nothing.

    Raises UnknownProvider and PromptUnusable.
    """
    board, budgets = Board(By("api", 0.0)), PostgresBudgets(database_url)
    shared = KafkaShared(kafka, publisher)
    seats, windows = roster.seats(settings), places(settings)
    kinds = tuple(prompts(settings.prompts_folder or FOLDER).texts)
    following = asyncio.create_task(shared.follow(board.read, board.orders.apply))
    following.add_done_callback(_ended)

    async def ready() -> None:
        if following.done():
            text = (
                "the providers' states are not followed any more: see the log, start the API anew"
            )
            raise Unavailable("kafka", text)
        await shared.ready()

    try:
        yield Site(
            budgets=budgets,
            seats=seats,
            order=roster.order(settings),
            aliases=roster.ALIASES,
            kinds=kinds,
            places=windows,
            board=board,
            ready=ready,
        )
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await budgets.close()


def _ended(following: asyncio.Task[None]) -> None:
    if not following.cancelled():
        log.error("providers.unfollowed", exc_info=following.exception())
