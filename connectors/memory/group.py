"""A consumer group's coordinator in memory: who owns which partition, and since when.

As in Kafka's own protocol (KIP-848) a partition moves when its owner has let go of it; an owner
that is taken for dead is not asked, and may not know. Offsets are accepted from the owner alone,
and only when it has heard of owning the partition.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from streams.records import Partition


@dataclass(eq=False)
class Member:
    """One membership of a reader; whoever was thrown out comes back as another."""

    tell: Callable[[], None]
    """Something changed; the member shall ask what."""
    left: bool = False


class Group:
    """Shares partitions evenly among members, and moves as few as it can."""

    def __init__(self, partitions: Iterable[Partition]) -> None:
        self.epoch = 0
        self.members: list[Member] = []
        self._partitions = sorted(partitions)
        self._target: dict[Partition, Member] = {}
        self._owners: dict[Partition, tuple[Member, int]] = {}

    def heartbeat(
        self, member: Member, owned: Collection[Partition]
    ) -> tuple[int, frozenset[Partition]] | None:
        """The epoch, and what the member may own; None when it is no member any more.

        The first one joins. What the member does not hold and shall not have is free.
        """
        if member.left:
            return None
        if member not in self.members:
            self.members.append(member)
            self._balance()
        mine = [p for p, (owner, _) in self._owners.items() if owner is member]
        granted = frozenset(p for p in mine if self._target.get(p) is member)
        for partition in mine:
            if partition not in granted and partition not in owned:
                del self._owners[partition]
        self._grant()
        return self.epoch, granted

    def leave(self, member: Member) -> None:
        """The member let go of everything, or is taken for dead: it is not asked."""
        member.left = True
        if member in self.members:
            self.members.remove(member)
            self._owners = {p: own for p, own in self._owners.items() if own[0] is not member}
            self._balance()

    def accepts(self, member: Member, epoch: int, partition: Partition) -> bool:
        """Whether offsets of the partition may come from a member that knows of this epoch."""
        owner, since = self._owners.get(partition, (None, 0))
        return owner is member and since <= epoch

    def _balance(self) -> None:
        self.epoch += 1
        self._target = self._shares()
        self._grant()
        for member in self.members:
            member.tell()

    def _shares(self) -> dict[Partition, Member]:
        if not self.members:
            return {}
        least, larger = divmod(len(self._partitions), len(self.members))
        held = dict.fromkeys(range(len(self.members)), 0)
        shares: dict[Partition, Member] = {}
        for partition in self._partitions:
            before = self._target.get(partition)
            if before is None or before not in self.members:
                continue
            number = self.members.index(before)
            if held[number] < least or (held[number] == least and larger > 0):
                larger -= held[number] == least
                held[number] += 1
                shares[partition] = before
        for partition in self._partitions:
            if partition not in shares:
                number = min(held, key=lambda one: held[one])
                held[number] += 1
                shares[partition] = self.members[number]
        return shares

    def _grant(self) -> None:
        for partition, member in self._target.items():
            if partition not in self._owners:
                self._owners[partition] = member, self.epoch
                member.tell()
