"""From evidence to a verdict, id by id. Pure.

T attempted, A acknowledged, I in the input topics, E in the log (outcomes and inferences), D dead
letters, P rows. Everything that is wrong is a finding: the rule that it breaks, and the ids.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from uuid import UUID

from infra.chaos.evidence import Evidence, Logged

Side = Literal["missing", "extra", "wrong"]


@dataclass(frozen=True)
class Finding:
    """Ids that break a rule; where a rule is about no id, `detail` says what is wrong."""

    side: Side
    rule: str
    ids: tuple[UUID, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """Figures of the run, and what is wrong with it."""

    attempted: int
    acknowledged: int
    in_log: int
    in_table: int
    dead_lettered: int
    repeated_calls: int
    repeated_in_log: int
    """Records of an id beyond its first: copies that came before the first one was projected."""
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> frozenset[UUID]:
        """Ids of what is lost."""
        return self._ids("missing")

    @property
    def extra(self) -> frozenset[UUID]:
        """Ids of what is doubled, or came from nowhere."""
        return self._ids("extra")

    def _ids(self, side: Side) -> frozenset[UUID]:
        return frozenset(i for found in self.findings if found.side == side for i in found.ids)


def check(seen: Evidence) -> Verdict:
    """All rules."""
    facts = _Facts(seen)
    found = [
        finding
        for rule in (_missing, _extra, _payloads, _order, _read_model, _provider)
        for finding in rule(facts)
        if finding.ids or finding.detail
    ]
    return Verdict(
        attempted=len(seen.sent),
        acknowledged=len(facts.acknowledged),
        in_log=len(facts.log.keys()),
        in_table=len(facts.rows.keys()),
        dead_lettered=len(facts.dead.keys()),
        repeated_calls=sum(_lost_calls(facts).values()),
        repeated_in_log=sum(facts.log.values()) - len(facts.log.keys()),
        findings=tuple(found),
    )


class _Facts:
    """The evidence, counted by input."""

    def __init__(self, seen: Evidence) -> None:
        self.seen = seen
        topics = seen.topics
        self.camera_events = _counted(topics.camera_events)
        self.results = _counted(topics.inference_results)
        self.inputs = self.camera_events + self.results
        self.enriched = _counted(topics.enriched)
        self.clips = _counted(topics.clips)
        self.outcomes = _counted(topics.outcomes)
        self.inferences = _counted(topics.inferences)
        self.log = self.outcomes + self.inferences
        self.rows = Counter(row.input for row in seen.rows)
        self.dead = Counter(letter.input for letter in set(seen.letters))
        self.acknowledged = frozenset(i for i, sent in seen.sent.items() if sent.acknowledged)

    @cached_property
    def ended(self) -> frozenset[UUID]:
        """P and D together."""
        return frozenset(self.rows) | frozenset(self.dead)

    @cached_property
    def dead_at(self) -> Mapping[str, frozenset[UUID]]:
        """Letters by the step that wrote them."""
        found: dict[str, set[UUID]] = defaultdict(set)
        for letter in self.seen.letters:
            found[letter.step].add(letter.input)
        return {step: frozenset(ids) for step, ids in found.items()}

    def dead_before(self, *steps: str) -> frozenset[UUID]:
        """What one of these steps could not process."""
        return frozenset().union(*[self.dead_at.get(step, frozenset()) for step in steps])


def _missing(facts: _Facts) -> Iterator[Finding]:
    dead_by_project = facts.dead_before("project")
    yield _lost("acknowledged, and neither row nor letter", facts.acknowledged - facts.ended)
    yield _lost("acknowledged, and not in its topic", facts.acknowledged - facts.inputs.keys())
    yield _lost("in its topic, and neither row nor letter", facts.inputs.keys() - facts.ended)
    yield _lost("a row, and no record in the log", facts.rows.keys() - facts.log.keys())
    projected = facts.rows.keys() | dead_by_project
    yield _lost("in the log, and neither row nor letter", facts.log.keys() - projected)
    good = {i for i, sent in facts.seen.sent.items() if sent.good}
    bad = {i for i, sent in facts.seen.sent.items() if not sent.good}
    yield _lost("good, and a letter", (good & facts.dead.keys()) - facts.rows.keys())
    yield _lost("bad, and no letter", (bad & facts.inputs.keys()) - facts.dead.keys())
    fewer = [i for i, n in facts.results.items() if facts.inferences[i] + facts.dead[i] < n]
    yield _lost("fewer inferences in the log than were reported", fewer)
    fewer = [i for i, n in facts.camera_events.items() if facts.enriched[i] + facts.dead[i] < n]
    yield _lost("fewer enriched events than were reported", fewer)


def _extra(facts: _Facts) -> Iterator[Finding]:
    known = facts.seen.sent.keys()
    yield _more("a row or a letter of what nobody sent", facts.ended - known)
    yield _more("in the log, and nobody sent it", facts.log.keys() - known)
    yield _more("more records than publications", _exceeding(facts.inputs, _publications(facts)))
    yield _more("more than one row", [i for i, n in facts.rows.items() if n > 1])
    yield _more("a row and a letter", facts.rows.keys() & facts.dead.keys())
    yield _more("more letters than records", _exceeding(facts.dead, facts.inputs))
    twice = Counter(letter for letter in facts.seen.letters if letter.step != "project")
    yield _more("a letter written twice", [one.input for one, n in twice.items() if n > 1])
    yield _more("more inferences than reports", _exceeding(facts.inferences, facts.results))
    yield _more("more enriched than reported", _exceeding(facts.enriched, facts.camera_events))
    yield _more("more clips than enriched events", _exceeding(facts.clips, facts.enriched))
    yield _more("more outcomes than clips", _exceeding(facts.outcomes, facts.clips))
    yield _more("a settled event's copy in the log", _exceeding(facts.outcomes, _unsettled(facts)))


def _payloads(facts: _Facts) -> Iterator[Finding]:
    sent, topics = facts.seen.sent, facts.seen.topics
    logged = (*topics.enriched, *topics.clips, *topics.outcomes, *topics.inferences)
    yield _wrong("another payload in the log", _differing(sent, logged))
    rows = [row.input for row in facts.seen.rows if _differs(sent, row.input, row.digest)]
    yield _wrong("another payload in the table", rows)


def _order(facts: _Facts) -> Iterator[Finding]:
    """Pure steps keep the order of each camera, record by record."""
    topics = facts.seen.topics
    for reads, writes, step in (
        (topics.camera_events, topics.enriched, "enrich"),
        (topics.inference_results, topics.inferences, "record_inference"),
    ):
        dead = facts.dead_before(step)
        before = _by_camera(one for one in reads if one.input not in dead)
        after = _by_camera(writes)
        for camera in before.keys() | after.keys():
            if (
                Counter(before[camera]) == Counter(after[camera])
                and before[camera] != after[camera]
            ):
                pairs = zip(before[camera], after[camera], strict=True)
                moved = [a for a, b in pairs if a != b]
                yield _wrong(f"{step} changed the order of {camera.decode()}", moved)


def _read_model(facts: _Facts) -> Iterator[Finding]:
    seen = facts.seen
    counted = Counter(row.group for row in seen.rows)
    differing = [
        f"{group}: {seen.roll_ups.get(group, 0)} rolled up, {counted[group]} rows"
        for group in sorted(counted.keys() | seen.roll_ups.keys())
        if counted[group] != seen.roll_ups.get(group, 0)
    ]
    yield Finding("wrong", "roll-ups are not the sums of the rows", detail="; ".join(differing))
    behind = [
        f"{partition.topic}[{partition.number}] at {seen.ledger.get(partition, 0)}, last is {last}"
        for partition, last in sorted(seen.last.items())
        if seen.ledger.get(partition, 0) <= last
    ]
    yield Finding("wrong", "the ledger is behind the log", detail="; ".join(behind))


def _provider(facts: _Facts) -> Iterator[Finding]:
    seen, lost = facts.seen, _lost_calls(facts)
    if sum(lost.values()) > seen.calls_lost_max:
        detail = f"{sum(lost.values())} calls left no outcome, at most {seen.calls_lost_max} may"
        yield Finding("wrong", "calls were repeated too often", tuple(lost), detail)
    unasked = [i for i, n in seen.described.items() if seen.calls.get(i, 0) < n]
    yield _wrong("described, and the provider was not asked", unasked)
    attempts = _counted(seen.topics.attempts)
    uneven = [
        i for i in attempts.keys() | seen.described if attempts[i] != seen.described.get(i, 0)
    ]
    yield _wrong("attempts in the log are not those of its outcomes", uneven)
    gone = [
        one.input for one in seen.topics.outcomes if not seen.frames_kept.issuperset(one.frames)
    ]
    yield _wrong("frames that the media store does not have", gone)


def _lost_calls(facts: _Facts) -> Counter[UUID]:
    """Calls whose outcome is not in the log, by input: the call was made in vain."""
    return Counter(facts.seen.calls) - Counter(facts.seen.described)


def _publications(facts: _Facts) -> Counter[UUID]:
    return Counter({i: sent.attempts for i, sent in facts.seen.sent.items()})


def _unsettled(facts: _Facts) -> Counter[UUID]:
    """How many outcomes each input may have: copies of what was settled must not add any."""
    calm = {i: sent.calm for i, sent in facts.seen.sent.items()}
    return Counter({i: max(1, n - calm.get(i, 0)) for i, n in facts.camera_events.items()})


def _by_camera(records: Iterable[Logged]) -> defaultdict[bytes, list[UUID]]:
    found: defaultdict[bytes, list[UUID]] = defaultdict(list)
    for one in records:
        found[one.camera].append(one.input)
    return found


def _counted(records: Sequence[Logged]) -> Counter[UUID]:
    return Counter(one.input for one in records)


def _exceeding(found: Counter[UUID], allowed: Counter[UUID]) -> list[UUID]:
    return list((found - allowed).keys())


def _differing(sent: Mapping[UUID, object], records: Iterable[Logged]) -> list[UUID]:
    return [one.input for one in records if _differs(sent, one.input, one.digest)]


def _differs(sent: Mapping[UUID, object], id_: UUID, digest: str) -> bool:
    known = sent.get(id_)
    return known is not None and getattr(known, "digest", "") != digest


def _lost(rule: str, ids: Iterable[UUID]) -> Finding:
    return Finding("missing", rule, _once(ids))


def _more(rule: str, ids: Iterable[UUID]) -> Finding:
    return Finding("extra", rule, _once(ids))


def _wrong(rule: str, ids: Iterable[UUID]) -> Finding:
    return Finding("wrong", rule, _once(ids))


def _once(ids: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(sorted(set(ids)))
