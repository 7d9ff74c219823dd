"""The verbs of records: looked for, read, made, changed, deleted and brought back."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.base import app, group, verb
from crm_core.terminal import Here, crm

records = group("Records of any module, one by one or many at once.", app, "records")

Fields = Annotated[
    list[str] | None,
    typer.Argument(help="As field=value; nothing behind = clears, lists and parts are JSON."),
]
Filter = Annotated[str, typer.Option(help="A condition as JSON; all that match.")]


def values_of(fields: Sequence[str] | None) -> dict[str, Any]:
    """The values that were given as `field=value`: texts, lists and parts as JSON, None where nothing stands."""
    found: dict[str, Any] = {}
    for one in fields or ():
        field, equals, value = one.partition("=")
        if not equals or not field.strip():
            raise crm.errors.ValuesInvalid(
                "values", [crm.errors.Problem(one[:100], "invalid", "it is not written as field=value", one)]
            )
        found[field.strip()] = json_of(field.strip(), value) if value[:1] in ("[", "{") else value or None
    return found


def of_record(module: str, id: str) -> dict[str, str]:
    """The record that a verb is about, as the core asks for it."""
    return {"module": module, "record_id": id}


def of_link(module: str, id: str, relationship: str, other: str) -> dict[str, str]:
    """The link that a verb is about, as the core asks for it."""
    return {**of_record(module, id), "relationship": relationship, "to": other}


def seen(here: Here, record: dict[str, str]) -> dict[str, str]:
    """The same record once the actor was found to see it.

    Raises:
        RecordNotFound: He does not.
    """
    found = crm.query.read_record(here.lake, here.catalog, **record, actor=here.actor)
    return {**record, "record_id": found["id"]}


def json_of(name: str, text: str) -> Any:
    """What a text says as JSON.

    Raises:
        ValuesInvalid: It is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        problem = crm.errors.Problem(name, "invalid", f"it is no JSON ({error})", text[:200])
        raise crm.errors.ValuesInvalid("values", [problem]) from error


@verb(records, "show")
def show_record(here: Here, record: Any = of_record) -> Any:
    """One record with all its fields."""
    return crm.query.read_record(here.lake, here.catalog, **record, actor=here.actor)


@verb(records, "create")
def make_record(here: Here, module: str, fields: Fields = None) -> Any:
    """Make a record."""
    made = crm.records.create(here.lake, module=module, values=values_of(fields), **here.doing)
    return {"id": made.id, "change_id": made.change_id}


@verb(records, "change")
def change_record(
    here: Here,
    *,
    record: Any = of_record,
    fields: Fields = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> Any:
    """Change fields of a record; what is not named stays."""
    done = crm.records.update(here.lake, **record, values=values_of(fields), reason=reason, **here.doing)
    return {"changed": done.count, "change_id": done.change_id}


@verb(records, "delete")
def delete_record(here: Here, record: Any = of_record) -> Any:
    """Delete a record softly: it leaves every list and can be restored."""
    done = crm.records.delete(here.lake, **record, **here.doing)
    return {"deleted": done.count, "change_id": done.change_id}


@verb(records, "restore")
def restore_record(here: Here, record: Any = of_record) -> Any:
    """Bring a deleted record back."""
    done = crm.records.restore(here.lake, **record, **here.doing)
    return {"restored": done.count, "change_id": done.change_id}


@verb(records, "bulk")
def change_many(
    here: Here,
    module: str,
    filter: Filter,
    fields: Fields = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do.")] = False,
) -> Any:
    """Change or delete all records that match, in one change."""
    condition = crm.model.parse_condition(json_of("filter", filter))
    action = crm.bulk.BulkAction(values_of(fields), delete=delete)
    given = {"module": module, "condition": condition, "action": action}
    if dry_run:
        seen = crm.bulk.preview_bulk(here.lake, here.catalog, actor=here.actor, **given)
        return {"changing": seen.changing, "unchanged": seen.unchanged, "titles": list(seen.titles.values())}
    done = crm.bulk.run_bulk(here.lake, **here.doing, **given)
    return {"changed": done.count, "unchanged": done.unchanged, "change_id": done.change_id}


@verb(records, "undo")
def undo_change(
    here: Here, change_id: str, reason: Annotated[str, typer.Option(help="Why, for the history.")] = ""
) -> Any:
    """Take one change of records back; what was changed since stays, as conflicts."""
    return crm.undo.undo_change(here.lake, change_id, actor=here.actor, reason=reason).as_dict()


@verb(records, "timeline")
def record_timeline(
    here: Here,
    *,
    record: Any = of_record,
    kinds: Annotated[str, typer.Option(help="Modules, or `changes`, with commas between.")] = "",
    words: Annotated[str, typer.Option(help="Each must be found.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries at most.")] = 30,
) -> Any:
    """What happened with a record, newest first, below what is pinned."""
    page = crm.timeline.read_timeline(
        here.lake, here.catalog, **seen(here, record), actor=here.actor, words=words, limit=limit,
        kinds=[kind.strip() for kind in kinds.split(",") if kind.strip()],
    )  # fmt: skip
    return crm.telling.pick(
        (*page.pinned, *(one for one in page.entries if one not in page.pinned)),
        "occurred_at kind id title text status owner pinned",
    )


@verb(records, "link")
def link_record(here: Here, link: Any = of_link, fields: Fields = None) -> Any:
    """Link a record to another one; further arguments are the link's own fields."""
    crm.records.link(here.lake, **link, values=values_of(fields), **here.doing)
    return {"linked": link["to"]}


@verb(records, "unlink")
def unlink_record(here: Here, link: Any = of_link) -> Any:
    """Take the link to another record away."""
    crm.records.unlink(here.lake, **link, **here.doing)
    return {"unlinked": link["to"]}
