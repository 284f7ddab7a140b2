"""`NAME_FILE` instead of `NAME`, for every secret and nothing else."""

from pathlib import Path

import pytest

from shop.settings import Settings, load_settings


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("correct horse\n")
    return file


@pytest.mark.parametrize(
    "name",
    [
        "REDIS_PASSWORD",
        "CELERY_BROKER_DSN",
        "CELERY_BACKEND_DSN",
        "FLOWER_PASSWORD",
        "API_KEY",
        "SMTP_URL",
    ],
)
def test_every_secret_may_come_from_a_file(
    name: str, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "smtp://correct:horse@mail" if name == "SMTP_URL" else "correct horse"
    secret.write_text(f"{text}\n")
    monkeypatch.setenv(f"{name}_FILE", str(secret))

    assert getattr(Settings(), name.lower()).get_secret_value() == text


def test_what_is_no_secret_does_not(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST_FILE", str(secret))

    assert Settings().redis_host == "127.0.0.1"


def test_an_argument_wins(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY_FILE", str(secret))

    assert Settings(api_key=None).api_keys == ()


def test_a_placeholder_in_a_file_is_one(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret.write_text("changeme\n")
    monkeypatch.setenv("FLOWER_PASSWORD_FILE", str(secret))

    with pytest.raises(ValueError, match="placeholder"):
        Settings()


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        load_settings()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_file_that_cannot_be_read_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_KEY_FILE", str(tmp_path / "nowhere"))

    said = refused(capsys)

    assert said.startswith("shop: API_KEY_FILE: ")
    assert "No such file" in said
    assert said.count("\n") == 1


def test_both_ways_at_once_are_refused_without_showing_either(
    secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_KEY_FILE", str(secret))
    monkeypatch.setenv("API_KEY", "battery staple")

    said = refused(capsys)

    assert "both set" in said
    assert "horse" not in said
    assert "staple" not in said
