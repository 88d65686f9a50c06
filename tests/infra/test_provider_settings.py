"""Who is asked, and where, as the settings say."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.cli.doctor import examine
from infra.cli.faults import sentence
from infra.providers.roster import UnknownProvider, close, providers, seats
from infra.settings import KEYS, Settings, variable
from streams.providers.ports import Missing, Provider
from streams.providers.turns import KeptAtHome
from tests.contracts.vendors import LEGACY

KEY = "sk-planted-0123456789abcdef"
LOCAL = {"name": "ollama", "base_url": "http://ollama:11434/v1", "model": "gemma"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "model_config", {**Settings.model_config, "env_file": None})
    for name in KEYS:
        monkeypatch.delenv(variable(name), raising=False)


def asked(**settings: object) -> Sequence[Provider | Missing]:
    return providers(Settings.model_validate(settings))


def names(**settings: object) -> list[str]:
    return [candidate.name for candidate in asked(**settings)]


def test_without_keys_motion_describes() -> None:
    assert names() == ["motion"]


def test_one_key_is_enough_for_the_whole_order() -> None:
    assert names(xai_api_key=KEY) == ["openai", "grok", "gemini", "anthropic"]


def test_who_has_no_key_is_passed_over_with_the_name_of_what_is_missing() -> None:
    missing = [c.refusal.detail for c in asked(xai_api_key=KEY) if isinstance(c, Missing)]

    assert missing == [
        "OPENAI_API_KEY is not set",
        "GEMINI_API_KEY is not set",
        "ANTHROPIC_API_KEY is not set",
    ]


def test_everybody_who_may_be_named_has_a_seat_that_says_what_is_missing() -> None:
    settings = Settings.model_validate(
        {"xai_api_key": KEY, "compatible_providers": json.dumps([LOCAL])}
    )

    found = {seat.name: (seat.missing, seat.local) for seat in seats(settings)}

    assert found == {
        "openai": ("OPENAI_API_KEY", False),
        "grok": (None, False),
        "gemini": ("GEMINI_API_KEY", False),
        "anthropic": ("ANTHROPIC_API_KEY", False),
        "ollama": (None, True),
        "motion": (None, True),
    }


def test_servers_that_speak_like_openai_come_last() -> None:
    order = names(compatible_providers=json.dumps([LOCAL]))

    assert order == ["openai", "grok", "gemini", "anthropic", "ollama"]


def test_an_order_that_is_set_is_the_whole_order() -> None:
    assert names(ai_provider_order="motion,grok", openai_api_key=KEY) == ["motion", "grok"]


def test_claude_is_anthropic() -> None:
    assert names(ai_provider_order="claude,anthropic,grok") == ["anthropic", "grok"]


def test_a_name_that_nobody_has_is_refused_with_the_setting() -> None:
    with pytest.raises(UnknownProvider, match="VIDETTE_AI_PROVIDER_ORDER names 'gork'"):
        asked(ai_provider_order="gork")


def test_frames_for_the_cloud_pass_the_door_that_keeps_them_at_home() -> None:
    far = LOCAL | {"name": "far", "base_url": "https://far.example/v1", "local": False}
    keys = dict.fromkeys(KEYS, KEY)

    found = asked(**keys, compatible_providers=[LOCAL, far])

    doors = [candidate.name for candidate in found if isinstance(candidate, KeptAtHome)]
    assert doors == ["openai", "grok", "gemini", "anthropic", "far"]


def test_another_key_is_another_fingerprint() -> None:
    (one,) = asked(ai_provider_order="grok", xai_api_key=KEY)
    (other,) = asked(ai_provider_order="grok", xai_api_key=f"{KEY}0")

    assert isinstance(one, KeptAtHome)
    assert isinstance(other, KeptAtHome)
    assert one.profile.fingerprint != other.profile.fingerprint


def test_a_key_comes_from_the_environment_under_its_vendors_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XAI_API_KEY", KEY)

    found = Settings().xai_api_key

    assert found
    assert found.get_secret_value() == KEY


def test_a_key_comes_from_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text(f"GEMINI_API_KEY={KEY}\nSOMEBODY_ELSES=1\n")
    config = {**Settings.model_config, "env_file": file}
    monkeypatch.setattr(Settings, "model_config", config)

    assert Settings().gemini_api_key is not None


def test_an_empty_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " ")

    assert Settings().openai_api_key is None


def test_blanks_around_a_key_are_no_part_of_it() -> None:
    found = Settings.model_validate({"xai_api_key": f" {KEY}\n"}).xai_api_key

    assert found
    assert found.get_secret_value() == KEY


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk-n\u00e4h"])
def test_a_key_that_fits_into_no_header_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="printable ASCII"):
        Settings.model_validate({"xai_api_key": key})


@pytest.mark.skipif(LEGACY, reason="the extra gemini-legacy is installed")
def test_an_extra_that_is_not_installed_is_refused_at_the_start() -> None:
    with pytest.raises(UnknownProvider, match="'gemini_legacy', an extra"):
        asked(ai_provider_order="gemini_legacy", gemini_api_key=KEY)


def test_a_key_under_our_prefix_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_OPENAI_API_KEY", KEY)

    with pytest.raises(ValidationError, match="is OPENAI_API_KEY meant"):
        Settings()


def test_no_key_shows_in_settings_providers_or_the_doctors_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in KEYS:
        monkeypatch.setenv(variable(name), KEY)
    monkeypatch.setenv("VIDETTE_FOLDER", str(tmp_path))
    servers = json.dumps([LOCAL | {"api_key": KEY}])
    monkeypatch.setenv("VIDETTE_COMPATIBLE_PROVIDERS", servers)
    settings = Settings()

    words = [repr(settings), settings.model_dump_json(), repr(providers(settings))]
    words += [finding.text for finding in examine(settings)]

    assert [text for text in words if KEY in text] == []


def test_the_doctor_names_providers_in_their_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XAI_API_KEY", KEY)
    monkeypatch.setenv("VIDETTE_AI_PROVIDER_ORDER", "grok,openai")
    monkeypatch.setenv("VIDETTE_FOLDER", str(tmp_path))

    told = [(f.level, f.text) for f in examine(Settings()) if f.subject == "provider"]

    assert told == [
        ("OK", "grok, grok-4.20-non-reasoning: frames leave the site"),
        ("WARN", "openai is passed over: OPENAI_API_KEY is not set"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "http://8.8.8.8/v1",
        "ftp://127.0.0.1/",
        "https://user:pass@api.openai.com/v1",
        "https://api.openai.com/v1?key=1",
        "https:///v1",
        "api.openai.com",
    ],
)
def test_an_address_that_frames_should_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"openai_base_url": url})


@pytest.mark.parametrize(
    "url",
    [
        "https://gateway.example/v1/",
        "http://127.0.0.1:9/v1",
        "http://localhost:9",
        "http://[::1]:9",
    ],
)
def test_an_address_nearby_may_go_without_encryption(url: str) -> None:
    assert Settings.model_validate({"grok_base_url": url}).grok_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "openai"},
        {"name": "Big"},
        {"base_url": "https://8.8.8.8/v1"},
        {"base_url": "http://far.example/v1", "local": False},
        {"model": ""},
        {"cap_name": "tokens"},
        {"mood": "good"},
    ],
)
def test_a_server_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"compatible_providers": [LOCAL | changes]})


def test_two_servers_have_two_names() -> None:
    with pytest.raises(ValidationError, match="two servers are called ollama"):
        Settings.model_validate({"compatible_providers": [LOCAL, LOCAL]})


def test_a_broken_list_is_refused_without_being_quoted() -> None:
    with pytest.raises(ValidationError, match="a JSON list is expected") as caught:
        Settings.model_validate({"compatible_providers": f'[{{"api_key": "{KEY}"'})

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("OPENAI_API_KEY", "sk-n\u00e4h", "OPENAI_API_KEY: a key is printable ASCII"),
        (
            "VIDETTE_COMPATIBLE_PROVIDERS",
            json.dumps([{key: LOCAL[key] for key in ("name", "base_url")}]),
            "VIDETTE_COMPATIBLE_PROVIDERS.0.model: Field required",
        ),
    ],
)
def test_what_is_wrong_is_named_as_the_operator_knows_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert sentence(caught.value) == named


async def test_providers_that_were_never_asked_close() -> None:
    await close(asked(**dict.fromkeys(KEYS, KEY)))
