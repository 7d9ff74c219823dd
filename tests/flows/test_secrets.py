"""Secrets are derived, the same each time, and none stands where others read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from crm_core.errors import SettingInvalid
from crm_core.settings import Settings, read_settings
from flows.errors import SecretUnusable
from flows.secrets import derive, is_same, webhook_secret

LONG = "0123456789abcdef0123456789abcdef"


def test_a_secret_is_the_same_in_every_process_of_a_home(tmp_path: Path) -> None:
    first = derive(Settings(home=tmp_path), "hook", "a")
    assert is_same(first, derive(Settings(home=tmp_path), "hook", "a"))
    others = [derive(Settings(home=tmp_path), *one) for one in (("hook", "b"), ("link", "a"))]
    others.append(derive(Settings(home=tmp_path / "other"), "hook", "a"))
    assert len({first, *others}) == 4


def test_the_key_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    derive(Settings(home=tmp_path), "hook", "a")
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_who_begins_at_once_agrees_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: derive(Settings(home=tmp_path), "hook", "a"), range(32)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_key_of_the_environment_needs_no_file(tmp_path: Path) -> None:
    settings = read_settings({"MERGANSER_SECRET": LONG, "MERGANSER_HOME": str(tmp_path)}, file=None)
    assert derive(settings, "hook", "a") == derive(
        Settings(home=tmp_path, secret=SecretStr(LONG)), "hook", "a"
    )
    assert not list(tmp_path.iterdir())
    assert LONG not in repr(settings)


def test_a_short_key_is_refused_without_being_told(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="32 characters") as refused:
        read_settings({"MERGANSER_SECRET": "too-short"})
    assert "too-short" not in str(refused.value)
    (tmp_path / "secret.key").write_text("short\n")
    with pytest.raises(SecretUnusable, match="5 characters, fewer than 32"):
        derive(Settings(home=tmp_path), "hook", "a")


def test_a_webhook_secret_signs_as_the_standard_says(tmp_path: Path) -> None:
    assert webhook_secret(Settings(home=tmp_path), "hook", "a").startswith("whsec_")
    assert Webhook(webhook_secret(Settings(home=tmp_path), "hook", "a"))
