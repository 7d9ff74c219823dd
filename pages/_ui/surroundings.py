"""What the fields of a page need to know: users and files by name, the person's zone, the currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from crm_core import files, people
from crm_core.model import Module, Option
from pages._ui.fields import FieldContext
from pages._ui.session import Here


def field_context(here: Here, records: Iterable[tuple[Module, dict[str, Any]]] = ()) -> FieldContext:
    """The context of fields in which the files of the given records can be shown by name."""
    wanted = {
        str(file)
        for module, record in records
        for field in module.fields
        if field.kind == "file"
        for file in record.get(field.slug) or ()
    }
    return FieldContext(
        users={user.slug: user.name for user in people.read_directory(here.lake).active},
        files=files.names(here.lake, here.catalog, ids=wanted, actor=here.actor) if wanted else {},
        zone=here.zone,
        currency=here.catalog.workspace.currency,
        upload=lambda box: files.store_box(here.workspace, box, actor=here.actor),
        most_bytes=here.workspace.settings.file_max_bytes,
    )


def with_status(context: FieldContext, module: Module, folder: str | None) -> FieldContext:
    """The same, with the statuses of a folder as options of `status`."""
    own = module.folder(folder or "") or module.default_folder
    statuses = tuple(Option(value=s.slug, label=s.name, color=s.color) for s in own.statuses)
    return replace(context, options={**context.options, "status": statuses})
