from uuid import UUID

import msgspec

from schemas.cameras import Camera
from schemas.examples.operation import SWITCH
from schemas.examples.upstream import FRONT_GATE
from streams.providers.orders import Orders
from streams.providers.ports import Missing, Provider, Refusal
from streams.providers.roster import OrderedRoster
from tests.streams.health.scene import Still

NO_KEY = Missing("grok", Refusal("no_key", "XAI_API_KEY is not set", "auth"))
KNOWN: dict[str, Provider | Missing] = {
    "openai": Still("openai"),
    "gemini": Still("gemini"),
    "grok": NO_KEY,
}


class OneCamera:
    def __init__(self, *order: str) -> None:
        self.camera = msgspec.structs.replace(FRONT_GATE, provider_order=order or None)

    def find(self, camera_id: UUID) -> Camera | None:
        return self.camera if camera_id == self.camera.id else None


def asked(orders: Orders, *own: str) -> list[str]:
    roster = OrderedRoster(KNOWN, ("openai", "grok"), orders, OneCamera(*own))
    return [one.name for one in roster.candidates(FRONT_GATE.id)]


def switched(*order: str) -> Orders:
    orders = Orders()
    orders.apply(msgspec.structs.replace(SWITCH, order=order))
    return orders


def test_at_first_the_order_is_the_one_that_is_set_with_who_has_no_key_in_its_place() -> None:
    assert asked(Orders()) == ["openai", "grok"]


def test_an_operators_order_counts_from_the_moment_it_is_read() -> None:
    assert asked(switched("gemini", "openai")) == ["gemini", "openai"]


def test_a_cameras_own_order_goes_before_everybodys() -> None:
    assert asked(switched("gemini"), "openai") == ["openai"]


def test_names_that_nobody_has_are_passed_over() -> None:
    assert asked(switched("mistral", "gemini")) == ["gemini"]


def test_an_order_of_nobody_is_no_order() -> None:
    assert asked(switched("mistral")) == ["openai", "grok"]


def test_the_newest_order_stands_however_often_older_ones_are_read() -> None:
    orders = Orders()
    first = msgspec.structs.replace(SWITCH, order=("gemini",))
    second = msgspec.structs.replace(SWITCH, id=UUID(int=7), order=("openai",))

    for command in (first, second, first):
        orders.apply(command)

    assert asked(orders) == ["openai"]
