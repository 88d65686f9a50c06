"""What the log says of leases whose worker never came back."""

from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

import msgspec

from agents.announcing import LoggedAnnouncements
from connectors.kafka.clients import Cluster
from connectors.kafka.log.begun_calls import LoggedCalls
from connectors.kafka.publisher import KafkaPublisher
from schemas.attempts import AttemptBegun, ProviderAttempted, Reserved, Usage
from schemas.examples.stories import EXAMPLES
from streams import wire
from streams.quota.amounts import NOTHING, ONE_REQUEST, Amounts
from streams.quota.ports import Lost
from streams.records import Output
from streams.topics import AI_ATTEMPTS

BEGUN: Final = msgspec.convert(msgspec.to_builtins(EXAMPLES["attempt-begun"]), AttemptBegun)
ENDED: Final = msgspec.convert(
    msgspec.to_builtins(EXAMPLES["provider-attempted"]), ProviderAttempted
)
MOST: Final = Amounts(1, 500, Decimal("0.25"))


def begun(lease_id: UUID) -> AttemptBegun:
    reserved = Reserved(lease_id=lease_id, tokens=MOST.tokens, cost_usd=str(MOST.cost_usd))
    return msgspec.structs.replace(BEGUN, id=uuid4(), reserved=reserved)


def lost(lease_id: UUID, log_from: dict[int, int] | None = None) -> Lost:
    return Lost(lease_id, "openai", MOST.times(10), log_from or {})


async def logged(cluster: Cluster, *events: AttemptBegun | ProviderAttempted) -> None:
    publisher = KafkaPublisher(cluster)
    announcements = LoggedAnnouncements(publisher)
    for event in events:
        if isinstance(event, AttemptBegun):
            await announcements.begun(event)
        else:
            await publisher.publish(wire.encoded("describe", Output(AI_ATTEMPTS, event, None)))
    await publisher.close()


async def test_calls_count_as_what_they_used_or_as_much_as_they_were_promised(
    cluster: Cluster,
) -> None:
    mine, others = uuid4(), uuid4()
    answered, refused, unended = begun(mine), begun(mine), begun(mine)
    usage = Usage(input_tokens=30, output_tokens=7)
    answer = msgspec.structs.replace(ENDED, id=answered.id, usage=usage, cost_usd="0.01")
    no = msgspec.structs.replace(
        ENDED, id=refused.id, status="failed", error_class="rate_limited", usage=None, cost_usd=None
    )
    await logged(cluster, answered, refused, unended, begun(others), answer, no)

    used = await LoggedCalls(cluster).used([lost(mine)])

    assert used == {mine: Amounts(1, 37, Decimal("0.01")) + ONE_REQUEST + MOST}


async def test_a_lease_that_no_call_names_was_not_spent(cluster: Cluster) -> None:
    mine = uuid4()
    await logged(cluster, begun(uuid4()))

    assert await LoggedCalls(cluster).used([lost(mine)]) == {mine: NOTHING}


async def test_a_place_that_the_log_does_not_have_means_all_of_it(cluster: Cluster) -> None:
    mine = uuid4()
    await logged(cluster, begun(mine))

    used = await LoggedCalls(cluster).used([lost(mine, dict.fromkeys(range(32), 10**6))])

    assert used == {mine: MOST}
