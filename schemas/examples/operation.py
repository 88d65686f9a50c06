"""One morning's trouble with providers, and what an operator did about it: one word of each type.

OpenAI does not answer, its breaker opens; Grok's key was withdrawn; Gemini's budget runs low.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    ResetQuota,
    SwitchProviderOrder,
    UnblacklistProvider,
)
from schemas.providers import BlacklistChanged, BreakerChanged, ProviderUsed, QuotaWarned, Why

_MORNING: Final = datetime(2026, 3, 14, 8, 2, 11, 400_000, UTC)
_WORKER: Final = "site-7/4711/0"

BREAKER: Final = BreakerChanged(
    id=UUID("019ceb5d-fd48-8605-9c98-e0724d1c5d35"),
    timestamp=_MORNING,
    correlation_id="openai/breaker",
    provider="openai",
    worker=_WORKER,
    version=7,
    state="open",
    until=_MORNING + timedelta(seconds=60),
    why=Why(error_class="timeout", detail="no answer within 20 s"),
)
BLACKLISTED: Final = BlacklistChanged(
    id=UUID("019ceb5d-fd48-86be-bb81-e2028a6d3d6c"),
    timestamp=_MORNING,
    correlation_id="grok/blacklist/key/5f1c9ab3e07d",
    provider="grok",
    worker=_WORKER,
    version=1,
    listed=True,
    scope="key",
    subject="5f1c9ab3e07d",
    why=Why(error_class="auth", code="401", detail="the key is not valid"),
)
WARNED: Final = QuotaWarned(
    id=UUID("019ceb5d-fd48-8c1d-b3f2-0a9d52c64e18"),
    timestamp=_MORNING,
    correlation_id="gemini/quota/requests/day",
    provider="gemini",
    worker=_WORKER,
    measure="requests",
    window="day",
    window_began=datetime(2026, 3, 14, tzinfo=UTC),
    percent=75,
    used="750",
    limit="1000",
    exhausted_at=datetime(2026, 3, 14, 10, 43, tzinfo=UTC),
)
USED: Final = ProviderUsed(
    id=UUID("019ceaf6-1a80-8b1e-a9c4-5d7f20cb3e91"),
    timestamp=datetime(2026, 3, 14, 7, tzinfo=UTC),
    correlation_id="gemini/usage",
    provider="gemini",
    worker=_WORKER,
    hour_began=datetime(2026, 3, 14, 6, tzinfo=UTC),
    requests=94,
    tokens=186_120,
    cost_usd="0.0679",
)

_ID: Final = UUID("019ceb60-7d10-8a44-9c39-5e0f6f1f2a01")
_AT: Final = _MORNING + timedelta(minutes=3)
_BY: Final = "anna"

SWITCH: Final = SwitchProviderOrder(
    id=_ID,
    issued_at=_AT,
    issued_by=_BY,
    reason="openai does not answer",
    correlation_id=str(_ID),
    order=("gemini", "anthropic", "openai"),
)
BLACKLIST: Final = BlacklistProvider(
    id=_ID,
    issued_at=_AT,
    issued_by=_BY,
    reason="answers nonsense",
    correlation_id=str(_ID),
    provider="openai",
    minutes=60,
)
UNBLACKLIST: Final = UnblacklistProvider(
    id=_ID,
    issued_at=_AT,
    issued_by=_BY,
    reason="the account is paid",
    correlation_id=str(_ID),
    provider="grok",
)
CLEAR_CACHE: Final = ClearCache(
    id=_ID,
    issued_at=_AT,
    issued_by=_BY,
    reason="the prompt changed",
    correlation_id=str(_ID),
    kind="all",
)
RESET_QUOTA: Final = ResetQuota(
    id=_ID,
    issued_at=_AT,
    issued_by=_BY,
    reason="a test spent it",
    correlation_id=str(_ID),
    provider="gemini",
)

OPERATION: Final = (
    BREAKER,
    BLACKLISTED,
    WARNED,
    USED,
    SWITCH,
    BLACKLIST,
    UNBLACKLIST,
    CLEAR_CACHE,
    RESET_QUOTA,
)
