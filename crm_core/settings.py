"""Settings: the variables `MERGANSER_*` and the file `merganser.toml`, read once at the start."""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from crm_core.errors import SettingInvalid
from lake import LakeConfig

PREFIX = "MERGANSER_"
FILE = "merganser.toml"
SECRET_NAME = r"[a-z][a-z0-9-]{0,39}"
"""What the name of a secret looks like; `erp-token` is the variable `MERGANSER_SECRET_ERP_TOKEN`."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Settings(BaseSettings):
    """Everything that is decided outside the lake. Relative paths begin at the working directory.

    Attributes:
        home: where the lake, its files and its logs lie unless told otherwise.
        catalog: `sqlite:/file` or `postgres:` and a libpq connection string; a file in `home` by default.
        data: the folder or `s3://` prefix of the Parquet files; `home`/data by default.
        files: the folder of uploaded files; `home`/files by default.
        file_max_bytes: the largest file that is uploaded to a record.
        host, port: where the server listens.
        allow_public_host: `yes` lets the server listen beyond this machine, though there is no sign-in yet.
        pack: the definitions that an empty lake begins with: a shipped pack's name or a YAML file.
        smtp_url: `smtp://user:password@host:port`, `smtps://…`; empty keeps mail queued.
        mail_from: the sender's address of outgoing mail.
        mail_connections, mail_per_minute: how much mail leaves at once, and in a minute (0 is no limit).
        mail_in_host, mail_in_port: where mail is taken in by SMTP; port 0 takes none.
        mail_in_addresses: our own addresses, the only ones mail is taken for; any when none is named.
        mail_in_tls_cert, mail_in_tls_key: files (PEM) of the certificate with which mail is taken in by STARTTLS.
        mail_in_max_bytes: the largest message that is taken in.
        mail_imap_urls: mailboxes that are read: `imaps://user:password@host/Folder`, from the environment only.
        mail_poll_seconds: how often they are read.
        sms_url, sms_token, sms_per_minute: the provider of text messages, and the most that it takes in a minute.
        whatsapp_url, whatsapp_token, whatsapp_per_minute: the provider of WhatsApp messages.
        webhook_allow: hosts and networks of one's own that webhooks may reach all the same.
        webhook_connections, webhook_per_minute: how many calls one host gets at once, and in a minute.
        public_url: where the world reaches this server; opened and clicked messages are told of there.
        intake_per_minute: requests that the public intake takes from one address in a minute; 0 is no limit.
        trusted_proxies: addresses or networks whose `X-Forwarded-For` is believed.
        secret: the master key of all secrets; empty keeps one in `home`/secret.key.
        secrets: what flows may send to other systems without knowing it, such as their tokens, by name.
        memory_limit, threads: what the engine may use; the machine's by default.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, populate_by_name=True
    )

    home: Path = Path("./var")
    catalog: str = ""
    data: str = ""
    files: Path | None = None
    file_max_bytes: int = Field(default=200_000_000, ge=10_000, le=20_000_000_000)
    host: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65535)
    allow_public_host: Literal["", "yes"] = ""
    pack: str = "logistics"
    smtp_url: str = ""
    mail_from: str = "Merganser <merganser@localhost>"
    mail_connections: int = Field(default=8, ge=1, le=100)
    mail_per_minute: int = Field(default=0, ge=0)
    mail_in_host: str = "127.0.0.1"
    mail_in_port: int = Field(default=0, ge=0, le=65535)
    mail_in_addresses: tuple[str, ...] = ()
    mail_in_tls_cert: Path | None = None
    mail_in_tls_key: Path | None = None
    mail_in_max_bytes: int = Field(default=25_000_000, ge=10_000, le=200_000_000)
    mail_imap_urls: tuple[str, ...] = Field(default=(), repr=False)
    mail_poll_seconds: int = Field(default=60, ge=1, le=86_400)
    sms_url: str = ""
    sms_token: SecretStr = SecretStr("")
    sms_per_minute: int = Field(default=0, ge=0)
    whatsapp_url: str = ""
    whatsapp_token: SecretStr = SecretStr("")
    whatsapp_per_minute: int = Field(default=0, ge=0)
    webhook_allow: tuple[str, ...] = ()
    webhook_connections: int = Field(default=4, ge=1, le=100)
    webhook_per_minute: int = Field(default=0, ge=0)
    public_url: str = ""
    intake_per_minute: int = Field(default=60, ge=0)
    trusted_proxies: tuple[str, ...] = ()
    secret: SecretStr = SecretStr("")
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict)
    memory_limit: str = ""
    threads: int | None = Field(default=None, ge=1, le=1024)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read_settings` hands over: it has merged file and environment already."""
        return (init_settings,)

    @field_validator("trusted_proxies", "webhook_allow", "mail_in_addresses", "mail_imap_urls", mode="before")
    @classmethod
    def _split_by_commas(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return [part.strip() for part in given.split(",") if part.strip()]

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network, strict=False)
        return networks

    @field_validator("catalog")
    @classmethod
    def _names_its_kind(cls, catalog: str) -> str:
        kind, _, place = catalog.partition(":")
        if catalog and (kind not in ("sqlite", "postgres") or not place):
            raise ValueError("neither sqlite nor postgres")
        return catalog

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname):
            raise ValueError("no address of a mail server")
        if url:
            _ = parts.port  # raises ValueError when it is no number
        return url

    @field_validator("mail_in_addresses")
    @classmethod
    def _are_addresses(cls, listed: tuple[str, ...]) -> tuple[str, ...]:
        if any("@" not in one.strip("@") or re.search(r"[\s<>]", one) for one in listed):
            raise ValueError("no address")
        return tuple(one.lower() for one in listed)

    @field_validator("mail_imap_urls")
    @classmethod
    def _are_mailboxes(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            known = parts.scheme in ("imap", "imaps", "imap+starttls")
            if not known or not parts.hostname or not parts.username or parts.password is None:
                raise ValueError("no mailbox")
            _ = parts.port  # raises ValueError when it is no number
        return urls

    @field_validator("sms_url", "whatsapp_url", "public_url")
    @classmethod
    def _is_an_address_of_the_web(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
            raise ValueError("no address of the web")
        if url:
            _ = parts.port  # raises ValueError when it is no number
        return url.rstrip("/")

    @field_validator("webhook_allow")
    @classmethod
    def _are_hosts_or_networks(cls, listed: tuple[str, ...]) -> tuple[str, ...]:
        for one in listed:
            if "/" in one or ":" in one:
                ipaddress.ip_network(one, strict=False)
        return tuple(one.lower() for one in listed)

    @field_validator("mail_from")
    @classmethod
    def _is_one_line_with_an_address(cls, sender: str) -> str:
        if "@" not in sender or re.search(r"[\x00-\x1f\x7f]", sender):
            raise ValueError("no address")
        return sender

    @field_validator("secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr) -> SecretStr:
        if secret.get_secret_value() and len(secret) < 32:
            raise ValueError("too short")
        return secret

    @field_validator("secrets")
    @classmethod
    def _fit_into_a_header(cls, secrets: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, secret in secrets.items():
            if not re.fullmatch(SECRET_NAME, name) or not re.fullmatch(
                r"[\x20-\x7e]+", secret.get_secret_value()
            ):
                raise ValueError(f"secret {name}")
        return secrets

    @field_validator("memory_limit")
    @classmethod
    def _is_an_amount_of_memory(cls, limit: str) -> str:
        if limit and not re.fullmatch(r"\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB|%)", limit):
            raise ValueError("no amount of memory")
        return limit

    @model_validator(mode="after")
    def _stays_on_this_machine(self) -> "Settings":
        if self.host not in LOOPBACK and self.allow_public_host != "yes":
            raise ValueError("public host")
        return self

    @property
    def lake_config(self) -> LakeConfig:
        """Where the lake lives, with absolute paths."""
        home = self.home.expanduser().absolute()
        catalog = self.catalog or f"sqlite:{home / 'catalog.sqlite'}"
        if catalog.startswith("sqlite:"):
            catalog = f"sqlite:{Path(catalog.removeprefix('sqlite:')).expanduser().absolute()}"
        data = self.data or str(home / "data")
        if "://" not in data:
            data = str(Path(data).expanduser().absolute())
        limit = self.memory_limit or None
        return LakeConfig(catalog=catalog, data_path=data, threads=self.threads, memory_limit=limit)

    @property
    def files_path(self) -> Path:
        """The absolute folder of uploaded files."""
        return (self.files or self.home / "files").expanduser().absolute()


ALLOWED: dict[str, str] = {
    "home": "a folder",
    "catalog": "sqlite:/path/to/catalog.sqlite or postgres:host=… dbname=…",
    "data": "a folder or an s3:// prefix",
    "files": "a folder",
    "file_max_bytes": "a number from 10000 to 20000000000",
    "host": "127.0.0.1, or another with MERGANSER_ALLOW_PUBLIC_HOST=yes, since nobody has to sign in",
    "port": "a number from 1 to 65535",
    "allow_public_host": "yes, or nothing",
    "pack": "the name of a shipped pack such as logistics, or a YAML file",
    "smtp_url": "smtp://, smtp+starttls:// or smtps:// with a host, such as smtp://user:password@mail.example:587",
    "mail_from": "an address such as Sales <sales@company.example>",
    "mail_connections": "a number from 1 to 100",
    "mail_per_minute": "a whole number, 0 for no limit",
    "mail_in_host": "an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all",
    "mail_in_port": "a number from 1 to 65535, 0 to take in no mail by SMTP",
    "mail_in_addresses": "addresses with commas between, such as sales@company.example,help@company.example",
    "mail_in_tls_cert": "a file (PEM) with the certificate and those that it is signed by",
    "mail_in_tls_key": "a file (PEM) with the key of that certificate",
    "mail_in_max_bytes": "a number from 10000 to 200000000",
    "mail_imap_urls": "mailboxes with commas between, such as imaps://user:password@mail.example/INBOX (%-encode "
    "signs such as @ within), in the environment only",
    "mail_poll_seconds": "a number from 1 to 86400",
    "sms_url": "an address such as https://sms.example/v1/messages",
    "sms_token": "the provider's token",
    "sms_per_minute": "a whole number, 0 for no limit",
    "whatsapp_url": "an address such as https://whatsapp.example/v1/messages",
    "whatsapp_token": "the provider's token",
    "whatsapp_per_minute": "a whole number, 0 for no limit",
    "webhook_allow": "hosts, addresses or networks with commas between, such as erp.internal,10.1.0.0/16",
    "webhook_connections": "a number from 1 to 100",
    "webhook_per_minute": "a whole number, 0 for no limit",
    "public_url": "the address of this server in the world, such as https://crm.company.example",
    "intake_per_minute": "a whole number, 0 for no limit",
    "trusted_proxies": "addresses or networks with commas between, such as 10.0.0.0/8,192.168.1.5",
    "secret": "a random text of 32 characters or more, the same in every process of a lake",
    "secrets": "one plain line each, as MERGANSER_SECRET_ERP_TOKEN or as erp-token under [secrets] of merganser.toml",
    "memory_limit": "an amount such as 2GB",
    "threads": "a number from 1 to 1024",
}
"""Setting → what it may be, in words; every setting stands here."""

_ONE_SECRET = "secret_"
_SECRET = {"smtp_url", "catalog", "sms_url", "whatsapp_url", "mail_imap_urls"}
_ENVIRONMENT_ONLY = {"mail_imap_urls"}


def read_settings(
    environment: Mapping[str, str] | None = None, *, file: Path | None = None, **given: Any
) -> Settings:
    """Read the settings: what is given, else the environment, else the file, else the default.

    Args:
        environment: variables; the process's own by default.
        file: the TOML file; `MERGANSER_CONFIG`, else `merganser.toml` where the program runs, if there.
        given: settings by name that win over both, from a command line for example.

    Raises:
        SettingInvalid: A setting cannot be used, or has an unknown name; one sentence says what is allowed.
    """
    variables = os.environ if environment is None else environment
    named = file or (Path(variables[f"{PREFIX}CONFIG"]) if variables.get(f"{PREFIX}CONFIG") else None)
    values = _from_file(named or Path(FILE), must_exist=named is not None)
    found = _from_environment(variables)
    if "secrets" in found and isinstance(values.get("secrets"), dict):
        found["secrets"] = values["secrets"] | found["secrets"]
    values |= found
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _refusal(error, values) from error


def _from_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    if not must_exist and not path.exists():
        return {}
    try:
        with path.open("rb") as stream:
            document = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError) as error:
        allowed = f"a TOML file that can be read ({error})"
        raise SettingInvalid(f"{PREFIX}CONFIG", str(path), allowed) from error
    values = {name.removeprefix(PREFIX).lower(): value for name, value in document.items()}
    for name in values:
        if name not in ALLOWED:
            raise SettingInvalid(f"{name} of {path}", values[name], f"one of {', '.join(ALLOWED)}")
        if name in _ENVIRONMENT_ONLY:
            allowed = f"nothing: it holds passwords, so only the variable {PREFIX}{name.upper()} is read"
            raise SettingInvalid(f"{name} of {path}", "…", allowed)
    return values


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, value in variables.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or name == "config":
            continue
        if name.startswith(_ONE_SECRET):
            if value != "":
                values.setdefault("secrets", {})[secret_name(variable)] = value
        elif name == "secrets":
            raise SettingInvalid(variable, "…", f"nothing: each has a variable of its own, {ALLOWED[name]}")
        elif name in ALLOWED:
            if value != "":
                values[name] = value
        # Variables of other programs may share the prefix; a slip of the pen may not pass unseen.
        elif near := difflib.get_close_matches(name, ALLOWED, n=1, cutoff=0.7):
            allowed = f"nothing, there is no such setting; you may mean {PREFIX}{near[0].upper()}"
            raise SettingInvalid(variable, value, allowed)
    return values


def secret_variable(name: str) -> str:
    """The variable that a secret is read from."""
    return f"{PREFIX}{_ONE_SECRET}{name.replace('-', '_')}".upper()


def secret_name(variable: str) -> str:
    """The secret that a variable gives."""
    return variable.removeprefix(PREFIX).lower().removeprefix(_ONE_SECRET).replace("_", "-")


def _refusal(error: ValidationError, values: Mapping[str, Any]) -> SettingInvalid:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "host"
    hidden = name in ("secret", "secrets", "sms_token", "whatsapp_token") or (
        name in _SECRET and "@" in str(values.get(name))
    )
    received = "…" if hidden else values.get(name)
    return SettingInvalid(f"{PREFIX}{name.upper()}", received, ALLOWED.get(name, "another value"))
