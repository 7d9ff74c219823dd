"""Secrets that stand nowhere: each is derived from one master key, which lies outside the lake."""

import base64
import hashlib
import hmac
import os
import secrets as random
from contextlib import suppress
from pathlib import Path

from crm_core.settings import Settings
from flows.errors import SecretUnusable

FILE = "secret.key"
FEWEST_CHARACTERS = 32


def derive(settings: Settings, purpose: str, id: str) -> str:
    """The secret of one thing: HMAC-SHA256 (RFC 2104) of purpose and id under the master key.

    The same key, purpose and id give the same secret in every process; nothing of it is stored.

    Args:
        settings: where the master key is: `MERGANSER_SECRET`, else the file `secret.key` of the home.
        purpose: what it is for, such as `hook`; secrets of one purpose are none of another.
        id: what it belongs to, such as a flow's id.

    Returns:
        43 characters of the URL-safe base64 alphabet.

    Raises:
        SecretUnusable: The master key is too short, or its file cannot be read or made.
    """
    return base64.urlsafe_b64encode(_digest(settings, purpose, id)).decode().rstrip("=")


def webhook_secret(settings: Settings, purpose: str, id: str) -> str:
    """As `derive`, in the form that Standard Webhooks writes secrets in: `whsec_` and base64.

    Raises:
        SecretUnusable: The master key is too short, or its file cannot be read or made.
    """
    return "whsec_" + base64.b64encode(_digest(settings, purpose, id)).decode()


def is_same(one: str, other: str) -> bool:
    """Whether two secrets are the same, told in the same time whether they are or not."""
    return hmac.compare_digest(one.encode(), other.encode())


def _digest(settings: Settings, purpose: str, id: str) -> bytes:
    if "\x00" in purpose:
        raise ValueError("a purpose holds no U+0000, which ends it")
    return hmac.new(_master_key(settings), f"{purpose}\x00{id}".encode(), hashlib.sha256).digest()


def _master_key(settings: Settings) -> bytes:
    given = settings.secret.get_secret_value()
    if given:
        return given.encode()
    path = settings.home.expanduser().absolute() / FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise SecretUnusable(str(path), f"it cannot be read or made ({type(error).__name__})") from error
    if len(key) < FEWEST_CHARACTERS:
        raise SecretUnusable(str(path), f"it has {len(key)} characters, fewer than {FEWEST_CHARACTERS}")
    return key.encode()


def _make(path: Path) -> None:
    """Make the file whole or not at all: of several processes that begin together, one key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE}.{os.getpid()}.{random.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(random.token_urlsafe(48) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
