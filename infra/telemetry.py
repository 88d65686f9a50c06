"""Logs: one structured line each, JSON outside a terminal, everything through one pipe."""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import Processor

SDKS: Final = ("openai", "anthropic", "google_genai", "httpx2", "httpcore2")
"""They log whole requests, with pictures and headers."""


def configure(level: str) -> None:
    """Sets up structlog and routes the standard library's loggers (Faust, librdkafka) into it."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    terminal = sys.stderr.isatty()
    shown: Processor = structlog.processors.JSONRenderer()
    if terminal:
        shown = structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("faust", "mode", "httpx", "httpcore", "asyncio", *SDKS):
        logging.getLogger(chatty).setLevel("WARNING")
    logging.getLogger("librdkafka").setLevel("CRITICAL")  # our own events say what it means
    logging.getLogger("aiokafka").setLevel("CRITICAL")  # 40 lines a second while Kafka is away
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
