"""The offset window against a model that remembers everything, whatever order things happen in."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.lanes import Progress
from streams.window import SPAN_MAX, Window

METADATA_MAX = 4095
"""ASCII characters that Kafka takes."""

TOPIC = "lq3Zl2ZDQzKyX0CXk0lTPA"
"""As long as Kafka's ids are."""


class Windows(RuleBasedStateMachine):
    """One partition: its log, what the group has committed, and who works on it now.

    A letter about poison finishes a record as an output does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.topic_id = TOPIC
        self.records: list[int] = []
        self.end = 0
        self.committed = Progress(0)
        self.done: set[int] = set()
        """What the log holds outcomes of, as far as the committed progress can say so."""
        self._take_over(self.committed)

    def _take_over(self, start: Progress) -> None:
        """Whoever has the partition next begins with what is committed, and nothing else."""
        self.window = Window(start, self.topic_id)
        self.position = start.offset
        self.open: set[int] = set()
        self.finished: set[int] = set()
        self.mine: set[int] = set()

    @rule(records=st.integers(1, 6), gap=st.sampled_from((0, 1, 2, 50, 9_000, 40_000)))
    def publish(self, records: int, gap: int) -> None:
        """Then markers, or records of transactions that were aborted."""
        self.records += range(self.end, self.end + records)
        self.end += records + gap

    @rule(count=st.integers(1, 8))
    def deliver(self, count: int) -> None:
        """Exactly what has no outcome yet begins."""
        for offset in [o for o in self.records if o >= self.position][:count]:
            assert self.window.begin(offset) == (offset not in self.done)
            self.position = offset + 1
            if offset not in self.done:
                self.open.add(offset)

    @rule()
    def deliver_again(self) -> None:
        """Under one lease nothing begins twice."""
        for offset in [o for o in self.records if o < self.position]:
            assert not self.window.begin(offset)

    @precondition(lambda self: not [o for o in self.records if o >= self.position])
    @rule()
    def reach_the_end(self) -> None:
        self.window.reach(self.end)
        self.position = max(self.position, self.end)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """In any order."""
        some = data.draw(st.sets(st.sampled_from(sorted(self.open)), min_size=1))
        self.open -= some
        self.finished |= some

    @rule(fate=st.sampled_from(("in the log", "in the log, and a crash", "aborted")))
    def commit(self, fate: str) -> None:
        finished = frozenset(self.finished)
        progress = self.window.progress(finished)
        self._check(progress)
        if fate == "aborted":
            return
        self.committed = progress
        reach = progress.offset + SPAN_MAX
        self.mine |= finished
        self.done = {o for o in self.done | self.mine if o < reach}
        if fate == "in the log":
            self.window.settle(finished, progress)
            self.finished.clear()
        else:
            self._take_over(progress)

    def _check(self, progress: Progress) -> None:
        assert progress.offset >= self.committed.offset
        assert len(progress.metadata) <= METADATA_MAX
        assert progress.metadata.isascii()
        ended = self.done | self.mine | self.finished
        again = Window(progress, self.topic_id)
        for offset in self.records:
            if offset < progress.offset:
                assert offset in ended
            elif offset < progress.offset + SPAN_MAX:
                assert again.begin(offset) == (offset not in ended)
            else:
                assert again.begin(offset)

    @rule()
    def crash_or_rebalance(self) -> None:
        self._take_over(self.committed)

    @rule(
        damage=st.sampled_from(
            ("cut", "nonsense", "no base64", "another topic", "another base", "format 2")
        )
    )
    def metadata_is_not_ours(self, damage: str) -> None:
        """At worst everything beyond the prefix is done again; nothing is skipped."""
        metadata = self.committed.metadata
        damaged = {
            "cut": metadata[: len(metadata) // 2 // 4 * 4],
            "nonsense": "1:x:y:z:\N{SNOWMAN}",
            "no base64": f"1:{TOPIC}:{self.committed.offset}:Ag=!",
            "another topic": metadata.replace(TOPIC, "AAAAAAAAAAAAAAAAAAAAAA"),
            "another base": metadata.replace(f":{self.committed.offset}:", ":7000001:"),
            "format 2": metadata.replace("1:", "2:", 1),
        }[damage]
        started = Window(Progress(self.committed.offset, damaged), self.topic_id)
        for offset in [o for o in self.records if o >= self.committed.offset]:
            begun = started.begin(offset)
            assert begun or (damage == "cut" and offset in self.done)

    @invariant()
    def the_span_is_from_the_first_unfinished_to_the_last_delivered(self) -> None:
        begun = self.open | self.finished
        base = min(begun, default=self.position)
        assert self.window.span == max(0, self.position - base)


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
