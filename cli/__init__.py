"""The terminal: one verb a function, each a call into the core.

A verb gives back plain data, which `crm_core.terminal` prints as a table or, with `--json`, as one document. The core
is imported when a verb first uses it, so that `--help` is quick.
"""

import importlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import cli.act_verbs
import cli.compose_verbs
import cli.flow_verbs
import cli.mail_verbs
import cli.outbox_verbs
import cli.preference_verbs
import cli.report_verbs  # noqa: F401 - what is imported here adds its verbs to their groups
from cli.base import Module, app, automation, flows, group, outbox, storage, verb
from crm_core.terminal import Here, crm, failing

__all__ = ["app", "flows", "outbox"]

sources = group("Mappings and contracts of data sources.", app, "sources")
keys = group("Keys for programs.", app, "keys")
modules = group("Definitions of modules, fields and relationships.", app, "modules")

Mode = Literal["insert", "upsert", "update", "mirror"]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option(help="Where to listen.")] = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Leave a new lake without the demo.")] = False,
) -> None:
    """Serve the pages and the API on one port; a home that is not there yet gets the demo first."""
    with failing():
        crm.logs.write_logs()
        chosen = crm.settings.read_settings(host=host, port=port)
        if not no_demo and crm.first_run.wants_demo(chosen):
            with crm.telling.progress_bar("Making the demo") as progress:
                crm.first_run.make_first_demo(
                    chosen, progress=progress, then=automation.windows.pass_over_silence
                )
        importlib.import_module("api.asgi").run(chosen)


@verb(app)
def demo(here: Here, size: Annotated[int, typer.Option(help="Customers; all else follows.")] = 2000) -> Any:
    """Fill a new lake with two years of a freight forwarder: customers, inquiries, shipments, invoices …"""
    here.actor.require_admin("the demo")
    files = here.workspace.settings.files_path
    with crm.telling.progress_bar("Making the demo") as progress:
        made = crm.demo.make_demo(here.lake, size=size, files=files, progress=progress)
    automation.windows.pass_over_silence(here.lake)
    return made


def load_options(
    module: Module,
    source: Annotated[str | None, typer.Option(help="The source; else the file's or folder's name.")] = None,
    key: Annotated[str, typer.Option(help="Fields that tell a record, with commas between.")] = "",
    mode: Annotated[Mode | None, typer.Option(help="upsert with a key, else insert")] = None,
    empty: Annotated[Literal["keep", "clear"] | None, typer.Option(help="What an empty cell does.")] = None,
    evolve: Annotated[bool, typer.Option("--evolve", help="Make fields of unknown columns.")] = False,
    map: Annotated[Path | None, typer.Option(help="A mapping or contract as YAML.")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Let no flow see it.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="All of it as it is, or nothing.")] = False,
) -> dict[str, Any]:
    return {"module": module, "options": crm.loading.read_options(**locals())}


@verb(app)
def load(
    here: Here,
    files: Annotated[list[str], typer.Argument(help="Files, folders, globs, `-`, tables of databases.")],
    given: Any = load_options,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do.")] = False,
) -> Any:
    """Load files into a module, in one commit."""
    with crm.telling.progress_bar("Loading") as progress:
        work = crm.loading.preview if dry_run else crm.loading.load
        result = work(here.lake, files, actor=here.actor, progress=progress, **given)
    if dry_run:
        return result.as_dict()
    crm.telling.note(*result.notes)
    return automation.after_load.settle_load(here.lake, result, silent=given["options"].silent).as_dict()


@verb(app)
def watch(
    here: Here,
    folder: Annotated[Path, typer.Argument(help="What arrives here is loaded, and moved to done or failed.")],
    given: Any = load_options,
    once: Annotated[bool, typer.Option("--once", help="Load what lies there, and end.")] = False,
) -> Any:
    """Load each file that arrives in a folder, and move it aside; Ctrl-C ends it."""
    return automation.watch_folder.watch_folder(here.lake, folder, actor=here.actor, once=once, **given)


@verb(app)
def rejects(
    here: Here, load_id: str, out: Annotated[Path | None, typer.Option(help="As CSV.")] = None
) -> Any:
    """What a load did not take as it came; with `--out` the rows to be mended and loaded again."""
    if out is not None:
        out.write_bytes(crm.loading.download_rejects(here.lake, load_id, actor=here.actor))
    return crm.loading.read_rejects(here.lake, load_id, actor=here.actor)


@verb(app)
def undo(here: Here, load_id: str) -> Any:
    """Take a load back exactly, with what flows did because of it; later edits stay, as conflicts."""
    return automation.after_load.undo_load(here.lake, load_id, actor=here.actor).as_dict()


@verb(app)
def loads(here: Here, module: str | None = None, limit: int = 50) -> Any:
    """The loads there were, the newest first."""
    found = crm.loading.read_loads(here.lake, actor=here.actor, module=module, limit=limit)
    return [one.as_row() for one in found]


@verb(sources, "list")
def list_sources(here: Here) -> Any:
    """The sources there are, and the modules they bring records of."""
    return crm.telling.pick(
        crm.sources.read_sources(here.lake, actor=here.actor), "source module version actor occurred_at"
    )


@verb(sources, "show")
def show_source(here: Here, source: str) -> Any:
    """The mapping and contract of a source as YAML."""
    return crm.sources.show_source(here.lake, source, actor=here.actor)


@verb(sources, "apply")
def apply_source(here: Here, path: Path) -> Any:
    """Remember the mapping and contract of a source from a YAML file."""
    return crm.loading.apply_source(here.lake, path.read_text(encoding="utf-8"), actor=here.actor)


@verb(app, "search")
def search(
    here: Here,
    words: Annotated[str, typer.Argument(help="Each must be found; typing errors are forgiven.")],
    module: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Records at most.")] = 20,
) -> Any:
    """The first records of every module that hold all the words, then those written a little differently."""
    for slug in module or ():
        here.catalog.module(slug)
    found = crm.search.search_all(
        here.lake, here.catalog, words=words, actor=here.actor, modules=module or (), limit=limit
    )
    return crm.telling.pick(found, "module id title subtitle status matched similar")


@verb(app, "query")
def run_query(
    here: Here,
    sql: Annotated[str, typer.Argument(help="One SELECT over modules by their slugs.")],
    format: Annotated[Literal["table", "json", "csv"], typer.Option(help="How rows are printed.")] = "table",
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 10_000,
) -> Any:
    """Run one SELECT over live records, each module under its slug."""
    result = crm.explore.run_query(here.lake, here.catalog, sql=sql, actor=here.actor, max_rows=limit)
    if result.truncated:
        crm.telling.note(f"Only the first {limit:,} rows are shown; --limit allows more.")
    rows = crm.export.table_as_rows(result.table, result.types)
    if format == "table":
        return rows
    csv = format == "csv"
    text = crm.export.table_as_csv(result.table).decode() if csv else crm.telling.as_document(rows)
    return crm.telling.Printed(text, rows)


@verb(app, "history")
def record_history(
    here: Here,
    module: str,
    id: str,
    limit: Annotated[int, typer.Option(min=1, help="Changes of the record at most.")] = 100,
    before: Annotated[int | None, typer.Option(help="Only changes before this snapshot.")] = None,
) -> Any:
    """What happened to the fields of one record, newest first."""
    rows, following = crm.history.read_history_page(
        here.lake, here.catalog, module=module, record_id=id, actor=here.actor, limit=limit, before=before
    )
    if following is not None:
        crm.telling.note(f"There are older changes: --before {following} tells them.")
    return rows


@verb(app)
def changes(here: Here, limit: int = 50) -> Any:
    """The newest commits of the lake: who, through which door, why."""
    return crm.history.read_changes(here.lake, actor=here.actor, limit=limit)


@verb(app)
def check(here: Here, everything: bool = False) -> Any:
    """The rules that records break which another program wrote; with `--everything` those of all records."""
    return crm.check.check_workspace(here.lake, actor=here.actor, everything=everything)


@verb(app)
def work(here: Here, once: Annotated[bool, typer.Option("--once", help="Only what is due.")] = False) -> Any:
    """Run the flows and deliver mail, without pages, until it is stopped."""
    here.actor.require_admin("the runner of flows")
    return automation.work.work(here.lake, here.workspace.settings, once=once)


@verb(app)
def maintain(here: Here, everything: bool = False) -> Any:
    """Flush small writes into files, merge small files, rewrite dead rows; nothing expires."""
    here.actor.require_admin("maintenance")
    return storage.maintenance.run(here.lake, everything=everything)


@verb(keys, "add")
def add_key(
    here: Here,
    role: Annotated[Literal["admin", "agent", "viewer"], typer.Option(help="What it may do.")] = "agent",
    user: Annotated[str | None, typer.Option(help="For whom it speaks.")] = None,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> Any:
    """Make a key; it is shown this once. Programs send it as `Authorization: Bearer`."""
    return {"key": crm.people.add_key(here.lake, actor=here.actor, role=role, user=user, label=label)}


@verb(modules, "list")
def list_modules(here: Here) -> Any:
    """The modules, each with the number of records that are seen."""
    return crm.query.count_modules(here.lake, here.catalog, actor=here.actor)


@verb(modules, "apply")
def apply_pack(
    here: Here, pack: Annotated[str, typer.Argument(help="A shipped pack, or a YAML file.")]
) -> Any:
    """Save the definitions of a pack or a file; tables change with them."""
    return crm.definitions.apply_pack(here.lake, pack, actor=here.actor)


@verb(modules, "export")
def export_pack(here: Here) -> Any:
    """All definitions as one YAML document, which `apply` takes."""
    here.actor.require_admin("definitions")
    return crm.definitions.export_pack(here.lake)
