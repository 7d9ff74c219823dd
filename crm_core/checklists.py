"""A checklist that begins with the steps of a template."""

from collections.abc import Mapping
from typing import Any

from crm_core import query
from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.records.create import create_in
from crm_core.records.outcome import Created
from crm_core.records.together import write_together
from crm_core.records.writer import Writer
from lake import Lake, Transaction

LISTS, STEPS, TEMPLATES = "checklists", "checklist_steps", "checklist_templates"


def start_checklist(
    lake: Lake, catalog: Catalog, *, values: Mapping[str, Any], actor: Actor, door: str = "api"
) -> Created:
    """Make a list and its steps, a line of the template each, in one commit.

    Args:
        lake: the lake.
        catalog: the definitions.
        values: of the list; with `template`, the id of one, it takes its title where it has none, what it is required
            for, and its steps.
        actor: who starts it; the template must be visible to him.
        door: through which door.

    Raises:
        RecordNotFound: There is no such template, or none that the actor may see.
        ValuesInvalid: With every problem; nothing was written.
    """
    given, lines = dict(values), ""
    if given.get("template"):
        template = query.read_record(
            lake, catalog, module=TEMPLATES, record_id=str(given["template"]), actor=actor
        )
        lines = template.get("steps") or ""
        given.setdefault("title", template["name"])
        if template.get("required_for"):
            given["required_for"] = template["required_for"]
    titles = [line.strip() for line in lines.splitlines() if line.strip()]

    def work(tx: Transaction, writer: Writer) -> tuple[str, ...]:
        [made] = create_in(tx, writer, module=LISTS, values=[given])
        steps = [{"title": title, "place": at, "checklist": made} for at, title in enumerate(titles, start=1)]
        if steps:
            create_in(tx, writer, module=STEPS, values=steps)
        return (made,)

    done = write_together(lake, work, actor=actor, door=door)
    return Created(done.value, done.snapshot, done.change_id)
