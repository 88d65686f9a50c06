from decimal import Decimal

import pytest
from pydantic import ValidationError

from infra.settings import Settings
from streams.quota.limits import Caps


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "model_config", {**Settings.model_config, "env_file": None})


def test_a_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_SLOT", "3")

    assert Settings().slot == 3


def test_a_misspelt_setting_is_named_with_what_may_be_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIDETTE_SLOTT", "3")

    with pytest.raises(ValidationError, match="VIDETTE_SLOTT is no setting; is VIDETTE_SLOT meant"):
        Settings()


def test_the_api_serves_nobody_else_while_it_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_API_HOST", "0.0.0.0")  # noqa: S104  # that is the point

    with pytest.raises(ValidationError, match="no keys yet"):
        Settings()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_CLIP_PRIVATE_HOSTS", "nvr.local, 10.0.0.0/8")

    assert Settings().clip_private_hosts == ("nvr.local", "10.0.0.0/8")


def test_a_password_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_KAFKA_SASL_PASSWORD", "s3cret")

    assert "s3cret" not in repr(Settings())


def test_limits_are_set_for_all_together_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_MAX_MONTHLY_COST_USD", "12.50")
    monkeypatch.setenv("VIDETTE_PROVIDER_LIMITS", '{"openai": {"hourly_tokens": 5000}}')

    limits = Settings().limits

    assert limits.together["month"].cost_usd == Decimal("12.50")
    assert limits.named["openai"]["hour"].tokens == 5000


def test_a_thousand_requests_and_a_million_tokens_a_day_are_the_limit_until_another_is_set() -> (
    None
):
    assert Settings().limits.together["day"] == Caps(requests=1000, tokens=1_000_000)


def test_a_limit_can_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS", "TOKENS"):
        monkeypatch.setenv(f"VIDETTE_MAX_DAILY_{name}", "none")

    assert Settings().limits.places("openai", local=False) == ()


def test_a_misspelt_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_PROVIDER_LIMITS", '{"openai": {"dayly_requests": 5}}')

    with pytest.raises(ValidationError, match="dayly_requests"):
        Settings()
