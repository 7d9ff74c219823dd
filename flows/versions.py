"""Versions of a flow: listed, compared, gone back to, copied; and the edit that is in the making beside what runs."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definition_versions import read_row, without_queue
from crm_core.definitions import read_catalog
from crm_core.errors import Conflict, DefinitionInvalid
from crm_core.model.documents import Document, State
from flows.check import read_flow, require_valid
from flows.model import FlowDefinition, to_flow_document
from flows.store import Applied, apply_flows, find_live, find_stored, find_version, known_users, switch
from lake import Lake, table

_DEFINITIONS, _CHANGES = table("meta", "definitions"), table("ops", "changes")


@dataclass(frozen=True)
class FlowVersion:
    """One version of a flow: what it says, in which state it was saved, when (UTC), by whom and why."""

    version: int
    state: State
    document: Document
    occurred_at: datetime | None
    actor: str
    reason: str


@dataclass(frozen=True)
class FlowDiff:
    """What differs between two versions: a line for each part that does, and the same as a unified diff of YAML."""

    flow: str
    before: int
    after: int
    lines: tuple[str, ...]
    text: str


def list_versions(lake: Lake, flow: str) -> list[FlowVersion]:
    """Every version of a flow, the newest first.

    Raises:
        UnknownFlow: There is no such flow.
    """
    slug = find_stored(read_catalog(lake), flow).slug
    rows = lake.read(
        "SELECT d.kind, d.id, d.slug, d.version, d.state, d.document, d.occurred_at, c.actor, c.reason "
        f"FROM {_DEFINITIONS} d LEFT JOIN {_CHANGES} c ON c.id = d.change_id AND c.snapshot = d.snapshot "
        "WHERE d.kind = 'flow' AND d.slug = ? ORDER BY d.version DESC",
        [slug],
    )
    found = []
    for row in rows.to_dicts():
        actor, reason = row.pop("actor") or "", row.pop("reason") or ""
        one = read_row(row)
        plain = without_queue(one.document)
        found.append(FlowVersion(one.version, one.state, plain, one.occurred_at, actor, reason))
    return found


def read_version(lake: Lake, flow: str, version: int | None = None) -> FlowDefinition:
    """What one version of a flow says; the newest without a number.

    Raises:
        UnknownFlow, UnknownVersion: There is no such flow, or no such version.
    """
    newest = find_stored(read_catalog(lake), flow)
    return read_flow((newest if version is None else find_version(lake, newest.slug, version)).document)


def diff(lake: Lake, flow: str, before: int | None = None, after: int | None = None) -> FlowDiff:
    """What differs between two versions; without numbers between what is live and its draft, or the last two.

    Raises:
        UnknownFlow, UnknownVersion: There is no such flow, or no such version.
    """
    catalog = read_catalog(lake)
    newest, live = find_stored(catalog, flow), find_live(catalog, flow)
    after = newest.version if after is None else after
    if before is None:
        before = live.version if live.version < after else max(1, after - 1)
    old, new = (without_queue(find_version(lake, newest.slug, one).document) for one in (before, after))
    lines, text = compare(old, new, names=(f"version {before}", f"version {after}"))
    return FlowDiff(newest.slug, before, after, lines, text)


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str] = ("before", "after")
) -> tuple[tuple[str, ...], str]:
    """What differs between two documents: a line for each part, and a unified diff of their YAML."""
    old, new = (yaml.dump(_in_order(one)).splitlines(keepends=True) for one in (before, after))
    text = "".join(difflib.unified_diff(old, new, fromfile=names[0], tofile=names[1]))
    return tuple(_differences(before, after, "")), text


def roll_back(lake: Lake, flow: str, version: int, *, actor: Actor) -> Applied:
    """Let an earlier version be what is live, in the state that the flow is in; a draft stays beside it.

    Raises:
        UnknownFlow, UnknownVersion: There is no such flow, or no such version.
        DefinitionInvalid: It cannot run any more; with every problem.
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    live = find_live(catalog, flow)
    document = without_queue(find_version(lake, live.slug, version).document)
    require_valid(catalog, read_flow(document), users=known_users(lake))
    state: State = live.state if live.state in ("active", "paused") else "draft"
    kept = {key: value for key, value in live.document.items() if key not in without_queue(live.document)}
    reason = f"flow {live.slug}: back to version {version}"
    return switch(lake, live.slug, document | kept, state, actor=actor, reason=reason)


def discard_draft(lake: Lake, flow: str, *, actor: Actor) -> Applied:
    """Give up the edit that is in the making; what is live stays, and the versions too.

    Raises:
        UnknownFlow: There is no such flow.
        Conflict: It has no draft beside what is live.
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    newest, live = find_stored(catalog, flow), find_live(catalog, flow)
    if newest.state != "draft" or live.state == "draft":
        raise Conflict(f"The flow {newest.slug} has no draft beside a version that is live.")
    reason = f"flow {newest.slug}: draft given up"
    return switch(lake, newest.slug, without_queue(live.document), "draft", actor=actor, reason=reason)


def duplicate(lake: Lake, flow: str, name: str, *, actor: Actor) -> str:
    """Copy the newest version of a flow under another name, as a draft with an id of its own; returns its slug.

    Raises:
        UnknownFlow: There is no such flow.
        DefinitionInvalid: The copy cannot be saved; with every problem.
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    document = to_flow_document(read_flow(find_stored(catalog, flow).document))
    document.pop("id", None)
    slug = _free_slug(name, {slug for kind, slug in catalog.stored if kind == "flow"})
    apply_flows(lake, [{**document, "flow": slug, "name": name}], actor=actor, as_draft=True)
    return slug


def _free_slug(name: str, taken: set[str]) -> str:
    begin = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:56]
    begin = begin if begin[:1].isalpha() else f"flow-{begin}".strip("-")
    return next(one for one in (begin, *(f"{begin}-{n}" for n in range(2, 10_000))) if one not in taken)


def _in_order(document: Mapping[str, Any]) -> Document:
    """The document as it reads, whatever the order in which it was kept; one that no longer reads stays as it is."""
    try:
        return to_flow_document(read_flow(dict(document)))
    except DefinitionInvalid:
        return dict(document)


def _differences(before: Any, after: Any, place: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and (not place or set(before) & set(after)):
        for key in dict.fromkeys([*before, *after]):
            here = f"{place} {key}".strip()
            if key not in after:
                yield f"{here}: {_said(before[key])} is gone"
            elif key not in before:
                yield f"{here}: {_said(after[key])} is new"
            else:
                yield from _differences(before[key], after[key], here)
    elif _nested(before) and _nested(after):
        yield from _list_differences(before, after, place)
    else:
        yield f"{place}: {_said(before)} → {_said(after)}"


def _nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(part, Mapping) for part in value)


def _list_differences(before: Sequence[Any], after: Sequence[Any], place: str) -> Iterator[str]:
    """Parts of a list that are alike are found in each other, so that one more in front does not change them all."""
    old, new = ([yaml.dump(part) for part in side] for side in (before, after))
    for what, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        for offset in range(max(b - a, d - c)):
            if offset >= d - c:
                yield f"{place} {a + offset + 1}: {_said(before[a + offset])} is gone"
            elif offset >= b - a:
                yield f"{place} {c + offset + 1}: {_said(after[c + offset])} is new"
            else:
                yield from _differences(before[a + offset], after[c + offset], f"{place} {c + offset + 1}")


def _said(value: Any) -> str:
    """A value in one line, as YAML has it."""
    text = yaml.dump_line(value)
    return text if len(text) <= 80 else text[:79] + "…"
