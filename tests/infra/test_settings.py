import pytest
from pydantic import ValidationError

from infra.settings import Settings


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
