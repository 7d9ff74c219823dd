"""From rows of the outbox to letters and calls: words, links that tell of clicks, attachments, secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.files import blob_path
from crm_core.settings import Settings, secret_variable
from flows.answers import Answer, Ledger
from flows.claiming import LaneKey
from flows.http import Call, provider_body
from flows.lanes import HttpWay, Item, MailWay, Way
from flows.secrets import webhook_secret
from flows.smtp import Attachment, Letter, MailServer
from flows.store import find_stored
from lake import Lake, table

if TYPE_CHECKING:
    from flows.delivery import DeliveryConfig

FILES = "files"
MOST_ATTACHED = 25_000_000
"""Bytes that one message carries at most: beyond that mail servers refuse it."""

SIGNED = "webhook"
"""The purpose of the secrets by which calls of a flow are signed."""


def signing_secret(lake: Lake, settings: Settings, flow: str, *, actor: Actor) -> str:
    """The secret by which the calls of a flow are signed, for whoever is called: `whsec_…`.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow: There is no such flow.
    """
    actor.require_admin("secrets")
    return webhook_secret(settings, SIGNED, find_stored(read_catalog(lake), flow).id)


class Unsendable(ValueError):
    """A message that cannot be put together any more; the words say why."""


class SecretMissing(ValueError):
    """A call whose secret is not set where it is made."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the secret {name} is not set; set {secret_variable(name)} where messages are delivered from"
        )


def ways_of(config: DeliveryConfig, ledger: Ledger, now: datetime | None) -> dict[str, Way]:
    """How the messages of each channel leave."""
    http = HttpWay(config.http, ledger, now)
    ways: dict[str, Way] = {"webhook": http, **dict.fromkeys(config.providers, http)}
    if config.smtp_url:
        server = MailServer.from_url(config.smtp_url, timeout=config.timeout, connections=config.connections)
        ways["email"] = MailWay(server, ledger)
    return ways


class Sender:
    """Puts together what leaves."""

    def __init__(self, lake: Lake, config: DeliveryConfig) -> None:
        self._lake = lake
        self._config = config
        self._secrets: dict[str, str] = {}
        self._files: Mapping[str, dict[str, Any]] = {}

    def prepare(self, rows: pl.DataFrame) -> tuple[dict[LaneKey, list[Item]], list[Answer]]:
        """The letters and calls of claimed rows by lane, and an answer for each that cannot be put together."""
        ready: dict[LaneKey, list[Item]] = {}
        answers: list[Answer] = []
        if not rows.height:
            return ready, answers
        self._tracked = {one.slug for one in read_catalog(self._lake).workspace.purposes if one.tracking}
        self._files = self._read_files(rows)
        for row in rows.iter_rows(named=True):
            try:
                ready.setdefault((row["channel"], row["host"]), []).append(self._item(row))
            except Unsendable as error:
                answers.append(Answer(row["id"], "refused", str(error)))
            except SecretMissing as error:
                answers.append(Answer(row["id"], "retry", str(error)))
        return ready, answers

    def _item(self, row: Mapping[str, Any]) -> Item:
        if not row["is_there"]:
            raise Unsendable("the message's record is not there any more")
        if row["channel"] == "email":
            return self._letter(row)
        return self._call(row) if row["channel"] == "webhook" else self._text(row)

    def _letter(self, row: Mapping[str, Any]) -> Letter:
        config, html, automatic = self._config, row["html"], row["automatic"]
        if config.tracker is not None and row["purpose"] in self._tracked:
            html = config.tracker.html(row["id"], text=row["text"] or "", html=html)
        return Letter(
            id=row["id"],
            message_id=row["message_id"],
            sender=row["from"] or config.mail_from,
            recipient=row["recipient"],
            subject=row["subject"] or "",
            text=row["text"] or "",
            sent_at=row["created_at"],
            html=html,
            reply_to=row["reply_to"],
            in_reply_to=row["in_reply_to"],
            attachments=tuple(self._attachments(row["attachments"] or ())),
            to=() if automatic else _addresses(row["to"]),
            cc=() if automatic else _addresses(row["cc"]),
            references=tuple((row["references"] or "").split()),
            automatic=automatic,
        )

    def _attachments(self, ids: Sequence[str]) -> list[Attachment]:
        found, size = [], 0
        for one in dict.fromkeys(ids):
            file = self._files.get(one)
            if file is None or self._config.files is None:
                raise Unsendable(f"the attachment {one} is not there any more")
            size += file["size"] or 0
            place = blob_path(self._config.files, file["sha256"])
            found.append(Attachment(file["name"], file["media_type"] or "application/octet-stream", place))
        if size > MOST_ATTACHED:
            raise Unsendable(
                f"the attachments have {size:,} bytes, more than the {MOST_ATTACHED:,} of a message"
            )
        return found

    def _read_files(self, rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
        ids = rows["attachments"].drop_nulls().explode().drop_nulls().unique().to_list()
        if not ids or FILES not in read_catalog(self._lake).modules:
            return {}
        found = self._lake.read(
            f"SELECT CAST(id AS VARCHAR) AS id, name, sha256, size, media_type FROM {table('crm', FILES)} "
            "WHERE deleted_at IS NULL AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))",
            {"ids": ids},
        )
        return {row["id"]: row for row in found.to_dicts()}

    def _text(self, row: Mapping[str, Any]) -> Call:
        provider = self._config.providers[row["channel"]]
        headers = {"idempotency-key": row["id"]}
        if provider.token:
            headers["authorization"] = f"Bearer {provider.token}"
        body = provider_body(to=row["recipient"], text=row["text"] or "", id=row["id"])
        return Call(row["id"], provider.url, body, headers)

    def _call(self, row: Mapping[str, Any]) -> Call:
        told = json.loads(row["headers"]) if row["headers"] else {}
        kept = [self._kept(value["secret"]) for value in told.values() if isinstance(value, dict)]
        headers = {name: self._header(value) for name, value in told.items()}
        secret = self._secret(row["flow_id"])
        return Call(row["id"], row["url"], row["payload"] or "{}", headers, secret, tuple(kept))

    def _header(self, told: str | Mapping[str, str]) -> str:
        """What a header says; a secret that it names is filled in here and nowhere before."""
        if isinstance(told, str):
            return told
        scheme = told.get("scheme")
        return f"{scheme} {self._kept(told['secret'])}" if scheme else self._kept(told["secret"])

    def _kept(self, name: str) -> str:
        settings = self._config.settings
        if settings is None or name not in settings.secrets:
            raise SecretMissing(name)
        return settings.secrets[name].get_secret_value()

    def _secret(self, flow_id: str | None) -> str | None:
        if self._config.settings is None or flow_id is None:
            return None
        if flow_id not in self._secrets:
            self._secrets[flow_id] = webhook_secret(self._config.settings, SIGNED, flow_id)
        return self._secrets[flow_id]


def _addresses(listed: str | None) -> tuple[str, ...]:
    """The addresses that a person's message names: what a flow sends goes to one."""
    return tuple(one.strip() for one in (listed or "").split(",") if one.strip())
