"""`./vidette chaos`: breaks a whole Vidette on purpose, and proves that nothing was lost."""

import logging
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer

from infra.chaos.faults.scripts import SCRIPTS
from infra.chaos.plan import KINDS
from infra.chaos.run import Interrupted, Order, Result, run

IDS_SHOWN_MAX: Final = 100


def chaos(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long things break.")] = 60,
    seed: Annotated[
        int | None, typer.Option(help="The same seed plans the same faults; default: any.")
    ] = None,
    only: Annotated[
        str, typer.Option(help="Kinds of faults, separated by commas; default: every kind.")
    ] = "",
    protocol: Annotated[
        Literal["consumer", "classic"], typer.Option(help="The workers' group protocol.")
    ] = "consumer",
    script: Annotated[
        str, typer.Option(help="Faults in a fixed order instead of random ones.")
    ] = "",
    control: Annotated[str, typer.Option(help="What the workers do wrong; it must be found.")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one line of JSON, the last one.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where data and logs are kept; default: a folder that is removed."),
    ] = None,
) -> None:
    """Break workers, Kafka and PostgreSQL at random, then compare what is left, id by id.

    All of it is embedded and its own. The exit status is 0 only if nothing is missing, nothing is
    extra and nothing is wrong.

    Example: ./vidette chaos --seconds 60 --seed 7 --json
    """
    logging.getLogger("librdkafka").setLevel("CRITICAL")  # it complains of each of our faults
    logging.getLogger("aiokafka").setLevel("CRITICAL")  # likewise
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    try:
        order = Order(seconds, chosen, protocol, scripted(script), wrong(control), kinds(only))
        result = run(order, folder, say)
    except Interrupted as interrupted:
        say("stopped: there is no verdict")
        raise typer.Exit(interrupted.status) from None
    tell(result)
    if as_json:
        sys.stdout.write(msgspec.json.encode(facts(result)).decode() + "\n")
    raise typer.Exit(0 if result.is_good else 1)


def kinds(only: str) -> frozenset[str]:
    """Those that are named, or all. Raises BadParameter for one that there isn't."""
    known = frozenset(kind.name for kind in KINDS)
    named = frozenset(filter(None, map(str.strip, only.split(",")))) or known
    if unknown := named - known:
        text = f"{', '.join(sorted(unknown))}: no such kind; there are: {', '.join(sorted(known))}"
        raise typer.BadParameter(text, param_hint="--only")
    return named


def scripted(name: str) -> str:
    """The name, if there is such a script or it is empty. Raises BadParameter."""
    if name and name not in SCRIPTS:
        text = f"{name}: no such script; there are: {', '.join(SCRIPTS)}"
        raise typer.BadParameter(text, param_hint="--script")
    return name


def wrong(name: str) -> str:
    """The name, if there is such a control or it is empty. Raises BadParameter."""
    from infra.chaos.controls import CONTROLS  # noqa: PLC0415  # imports Faust, which takes long

    if name not in CONTROLS:
        text = f"{name}: no such control; there are: {', '.join(filter(None, CONTROLS))}"
        raise typer.BadParameter(text, param_hint="--control")
    return name


def say(text: str) -> None:
    """One line for people, with the time as logs have it."""
    typer.echo(f"{datetime.now(UTC):%H:%M:%S.%f} {text}", err=True)


def tell(result: Result) -> None:
    """What came of it, for people; every id that breaks a rule, up to a number."""
    for death in result.deaths:
        say(f"note: {death}")
    for found in result.verdict.findings if result.verdict else ():
        say(f"{found.side}: {found.rule}: {len(found.ids)} ids {found.detail}".rstrip())
        for id_ in found.ids[:IDS_SHOWN_MAX]:
            say(f"  {id_}")
        if len(found.ids) > IDS_SHOWN_MAX:
            say(f"  and {len(found.ids) - IDS_SHOWN_MAX} more")
    for death in result.unexplained:
        say(f"error: a worker died, and no fault explains it: {death}")
    if result.trouble:
        say(f"error: {result.trouble}")
    for name, fact in facts(result).items():
        say(f"{name:16} {fact}")
    if not result.is_good:
        say(f"again: ./vidette chaos --seed {result.seed}")


def facts(result: Result) -> dict[str, object]:
    """As `--json` prints it; `broken` counts ids by the rule that they break."""
    verdict = result.verdict
    figures = (
        {
            "attempted": verdict.attempted,
            "acknowledged": verdict.acknowledged,
            "in_log": verdict.in_log,
            "in_table": verdict.in_table,
            "dead_lettered": verdict.dead_lettered,
            "missing": len(verdict.missing),
            "extra": len(verdict.extra),
            "repeated_calls": verdict.repeated_calls,
            "repeated_in_log": verdict.repeated_in_log,
            "broken": {found.rule: len(found.ids) for found in verdict.findings},
        }
        if verdict
        else {}
    )
    return {
        "seed": result.seed,
        "faults": result.faults,
        **figures,
        "recoveries_s": result.recoveries_s,
        "unexplained": result.unexplained,
        "trouble": result.trouble,
    }
