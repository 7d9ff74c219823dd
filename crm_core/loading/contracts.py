"""Sources and their contracts: remembered with every load, shown and applied as YAML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definition_documents import problems_of
from crm_core.definitions import read_catalog
from crm_core.loading.errors import ContractInvalid, UnknownSource
from crm_core.loading.job import Job
from crm_core.loading.mapping import OWN_COLUMNS
from crm_core.loading.model import Contract, LoadOptions
from crm_core.loading.targets import place_of
from lake import Change, Lake, Transaction, table

SOURCES = table("ops", "sources")


@dataclass(frozen=True)
class SourceEntry:
    """A source with a module: its newest contract, who wrote it and when (UTC)."""

    source: str
    module: str
    version: int
    contract: Contract
    actor: str
    occurred_at: datetime


def parse_contract(document: Any, *, source: str = "", module: str = "") -> Contract:
    """A contract from plain data or YAML text; source and module stand in for what it does not name.

    Raises:
        ContractInvalid: with everything wrong in it.
        YamlInvalid: the text is no YAML.
    """
    plain = yaml.load(document, source="The contract") if isinstance(document, str) else document
    if not isinstance(plain, dict):
        raise ContractInvalid(source, module, ["it is no mapping of keys to values"])
    filled = {"source": source, "module": module, **plain}
    if "columns" not in filled and filled.keys() - set(Contract.model_fields):
        # A bare mapping of headers to fields is a contract too.
        known = {key: value for key, value in filled.items() if key in Contract.model_fields}
        filled = {**known, "columns": {k: v for k, v in filled.items() if k not in Contract.model_fields}}
    try:
        return Contract.model_validate(filled)
    except ValidationError as error:
        raise ContractInvalid(str(filled["source"]), str(filled["module"]), problems_of(error)) from error


def load_contract(path: Path, *, source: str = "", module: str = "") -> Contract:
    """`parse_contract` of a YAML file."""
    return parse_contract(yaml.load_file(path), source=source, module=module)


def read_options(
    *, module: str, source: str | None = None, key: str = "", map: Path | None = None, **more: Any
) -> LoadOptions:
    """The options of a load as they are written at a terminal.

    Args:
        module: where the rows go.
        source: the source's name; that of the mapping's file when there is one and no other name.
        key: fields, with commas between.
        map: a YAML file with a mapping or contract.
        more: further fields of `LoadOptions`.
    """
    contract = load_contract(map, source=source or map.stem, module=module) if map else None
    keys = tuple(part.strip() for part in key.split(",") if part.strip())
    return LoadOptions(source=source, key=keys, contract=contract, **more)


def read_contract(lake: Lake, *, source: str, module: str) -> Contract | None:
    """What is remembered of a source with a module, or None."""
    found = [entry for entry in _entries(lake, source) if entry.module == module]
    return found[0].contract if found else None


def read_sources(lake: Lake, source: str | None = None) -> tuple[SourceEntry, ...]:
    """The newest contract of every source with every module, by name.

    Raises:
        UnknownSource: one was asked for and is not known.
    """
    entries = _entries(lake, source)
    if source is not None and not entries:
        raise UnknownSource(source, sorted({entry.source for entry in _entries(lake, None)}))
    return entries


def show_source(lake: Lake, source: str, *, module: str | None = None) -> str:
    """A source's contracts as YAML, which `apply_source` takes; several modules stand in a list.

    Raises:
        UnknownSource: it is not known.
    """
    entries = [one for one in read_sources(lake, source) if module is None or one.module == module]
    if not entries:
        raise UnknownSource(source, [entry.source for entry in read_sources(lake)])
    documents = [contract_document(one.contract) for one in entries]
    return yaml.dump(documents[0] if len(documents) == 1 else documents)


def apply_source(lake: Lake, document: Any, *, actor: Actor) -> tuple[Contract, ...]:
    """Remember contracts, given as YAML or plain data, one or a list.

    Raises:
        ContractInvalid: one names what its module does not have.
        Forbidden: the actor may only look.
    """
    actor.require_change("contracts of sources")
    plain = yaml.load(document, source="The contract") if isinstance(document, str) else document
    contracts = tuple(parse_contract(one) for one in (plain if isinstance(plain, list) else [plain]))
    for contract in contracts:
        check_contract(lake, contract)

    def work(tx: Transaction) -> None:
        for contract in contracts:
            _append(tx, contract, actor.user)

    lake.commit(work, Change(actor=actor.user, door="sources", reason="contract"))
    return contracts


def check_contract(lake: Lake, contract: Contract) -> None:
    """Refuse a contract that names what is not there.

    Raises:
        ContractInvalid: with every problem.
        UnknownModule: there is no such module.
    """
    place = place_of(read_catalog(lake), contract.module)
    problems = [
        f"“{header}” is mapped to “{path}”, which {place.name} does not have"
        for header, path in contract.columns.items()
        if path and place.target(path) is None
    ]
    problems += [
        f"the key names “{name}”, which {place.name} does not have"
        for name in contract.key
        if place.target(name) is None and name not in contract.columns
    ]
    if problems:
        raise ContractInvalid(contract.source, contract.module, problems)


def contract_document(contract: Contract) -> dict[str, Any]:
    """A contract as plain data, defaults left out."""
    document = contract.model_dump(mode="json", exclude_defaults=True)
    return {"source": contract.source, "module": contract.module} | document


def remember(job: Job, tx: Transaction) -> None:
    """Remember how this load mapped its columns, when that is news."""
    columns = {
        one.header: one.target.path
        for one in job.mapped
        if one.target is not None and one.header not in OWN_COLUMNS
    }
    kept = {header: path for header, path in job.contract.columns.items() if path is None}
    contract = job.contract.model_copy(update={"columns": {**job.contract.columns, **columns, **kept}})
    found = tx.read(
        f"SELECT contract FROM {SOURCES} WHERE source = ? AND module = ? ORDER BY version DESC LIMIT 1",
        [contract.source, contract.module],
    )
    if found.height and json.loads(found["contract"][0]) == contract_document(contract):
        return
    _append(tx, contract, job.writer.actor.user)


def _append(tx: Transaction, contract: Contract, actor: str) -> None:
    tx.execute(
        f"INSERT INTO {SOURCES} SELECT $source, $module, coalesce(max(version), 0) + 1, $contract, $actor, "
        f"CAST($change AS UUID), $now FROM {SOURCES} WHERE source = $source AND module = $module",
        {
            "source": contract.source,
            "module": contract.module,
            "contract": json.dumps(contract_document(contract), ensure_ascii=False),
            "actor": actor,
            "change": tx.change_id,
            "now": tx.occurred_at,
        },
    )


def _entries(lake: Lake, source: str | None) -> tuple[SourceEntry, ...]:
    where = "WHERE source = ? " if source is not None else ""
    rows = lake.read(
        f"SELECT source, module, version, contract, actor, occurred_at FROM {SOURCES} {where}"
        "QUALIFY row_number() OVER (PARTITION BY source, module ORDER BY version DESC) = 1 ORDER BY source, module",
        [source] if source is not None else None,
    )
    return tuple(_entry(row) for row in rows.to_dicts())


def _entry(row: dict[str, Any]) -> SourceEntry:
    contract = Contract.model_validate(json.loads(row["contract"]))
    return SourceEntry(
        row["source"], row["module"], row["version"], contract, row["actor"], row["occurred_at"]
    )


__all__: Sequence[str] = (
    "Contract",
    "SourceEntry",
    "apply_source",
    "check_contract",
    "contract_document",
    "load_contract",
    "parse_contract",
    "read_contract",
    "read_options",
    "read_sources",
    "remember",
    "show_source",
)
