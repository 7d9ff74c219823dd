"""Settings come from the environment or the file, and a wrong one is one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.errors import SettingInvalid
from crm_core.settings import ALLOWED, Settings, read_settings


def test_without_any_setting_everything_is_local() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.pack) == ("127.0.0.1", 8501, "logistics")
    assert settings.lake_config.catalog == f"sqlite:{Path('var').absolute() / 'catalog.sqlite'}"
    assert settings.files_path == Path("var/files").absolute()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "merganser.toml"
    file.write_text('port = 9000\npack = "ecommerce"\nMERGANSER_MAIL_FROM = "us@shop.example"\n')
    settings = read_settings({"MERGANSER_PORT": "9001"}, file=file)
    assert (settings.port, settings.pack, settings.mail_from) == (9001, "ecommerce", "us@shop.example")


def test_an_empty_variable_is_none() -> None:
    assert read_settings({"MERGANSER_PORT": ""}).port == 8501


def test_what_a_command_line_gives_wins_over_both() -> None:
    assert read_settings({"MERGANSER_PORT": "9001"}, port=9002, host=None).port == 9002


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MERGANSER_PORT", "eighty"),
        ("MERGANSER_PORT", "70000"),
        ("MERGANSER_HOST", "0.0.0.0"),
        ("MERGANSER_CATALOG", "mysql:x"),
        ("MERGANSER_CATALOG", "sqlite:"),
        ("MERGANSER_SMTP_URL", "http://mail.example"),
        ("MERGANSER_SMTP_URL", "smtp://mail.example:abc"),
        ("MERGANSER_MAIL_FROM", "nobody"),
        ("MERGANSER_MAIL_FROM", "a@b.example\nBcc: c@d.example"),
        ("MERGANSER_MEMORY_LIMIT", "lots"),
        ("MERGANSER_TRUSTED_PROXIES", "10.0.0.300"),
        ("MERGANSER_PROT", "80"),
    ],
)
def test_a_wrong_setting_names_itself_and_what_is_allowed(variable: str, value: str) -> None:
    with pytest.raises(SettingInvalid) as raised:
        read_settings({variable: value})
    assert raised.value.name == variable
    assert "\n" not in str(raised.value).replace("\\n", "") and "allowed is" in str(raised.value)


def test_a_public_host_must_be_asked_for_in_so_many_words() -> None:
    asked = {"MERGANSER_HOST": "0.0.0.0", "MERGANSER_ALLOW_PUBLIC_HOST": "yes"}
    assert read_settings(asked).host == "0.0.0.0"


def test_a_password_is_not_told_in_an_error() -> None:
    with pytest.raises(SettingInvalid) as raised:
        read_settings({"MERGANSER_SMTP_URL": "ftp://me:secret@mail.example"})
    assert "secret" not in str(raised.value)


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "merganser.toml"
    file.write_text("colour = 1\n")
    with pytest.raises(SettingInvalid, match="colour of"):
        read_settings({}, file=file)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="MERGANSER_CONFIG"):
        read_settings({"MERGANSER_CONFIG": str(tmp_path / "none.toml")})


def test_other_variables_with_the_prefix_are_let_be() -> None:
    read_settings({"MERGANSER_SOMETHING_ELSE_ENTIRELY": "1"})


def test_every_setting_says_what_it_may_be() -> None:
    assert set(ALLOWED) == set(Settings.model_fields)


def test_proxies_are_listed_with_commas() -> None:
    assert read_settings({"MERGANSER_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.1.5"}).trusted_proxies == (
        "10.0.0.0/8",
        "192.168.1.5",
    )


def test_secrets_of_other_systems_have_names(tmp_path: Path) -> None:
    file = tmp_path / "merganser.toml"
    file.write_text('[secrets]\nerp-token = "of the file"\nshop = "s"\n')
    settings = read_settings({"MERGANSER_SECRET_ERP_TOKEN": "of the environment"}, file=file)
    known = {name: secret.get_secret_value() for name, secret in settings.secrets.items()}
    assert known == {"erp-token": "of the environment", "shop": "s"}
    assert "of the environment" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("MERGANSER_SECRET_A", "two\nlines", id="two lines"),
        pytest.param("MERGANSER_SECRET_1", "fine", id="a name"),
        pytest.param("MERGANSER_SECRETS", "fine", id="all in one"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_refused_without_being_told(variable: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match="MERGANSER_SECRET_ERP_TOKEN") as raised:
        read_settings({variable: value})
    assert value not in str(raised.value)
