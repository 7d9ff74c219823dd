"""Packs: definitions as YAML files, shipped or the user's own."""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from crm_core import yaml
from crm_core.definition_documents import parse_document
from crm_core.errors import CrmError
from crm_core.mended_views import mended
from crm_core.model import Catalog, Stored
from crm_core.model.documents import Document, DocumentKind

SECTIONS: dict[str, DocumentKind] = {
    "teams": "team",
    "modules": "module",
    "relationships": "relationship",
    "templates": "template",
    "filters": "saved_filter",
    "reports": "report",
    "dashboards": "dashboard",
    "events": "event",
    "flows": "flow",
}
"""Key of a pack's document → kind of what is listed under it."""

PackDocument = tuple[DocumentKind, Document]


class PackInvalid(CrmError):
    """A pack is not there, or its files do not have the shape of one."""

    status = 422

    def __init__(self, pack: str, reason: str) -> None:
        self.pack = pack
        self.reason = reason
        super().__init__(f"The pack “{pack}” cannot be used: {reason}.")


def shipped_packs() -> tuple[str, ...]:
    """The names of the packs that come with the program."""
    found = {path.stem for path in _folder().iterdir() if path.is_dir() or path.suffix == ".yaml"}
    return tuple(sorted(found - {"__pycache__"}))


def read_pack(name_or_path: str | Path) -> list[PackDocument]:
    """Read every document of a pack.

    Args:
        name_or_path: the name of a shipped pack, a YAML file, or a folder of YAML files.

    Raises:
        PackInvalid: There is no such pack, or a file has an unknown key.
        YamlInvalid: A file is no YAML.
    """
    return [document for path in _files(name_or_path) for document in _read_file(path, str(name_or_path), ())]


def pack_document(catalog: Catalog) -> dict[str, Any]:
    """All definitions but retired ones, as one document that `read_pack` reads again.

    Of a flow that is live, what runs; an edit in the making stays behind. Of a view that names what is gone, the rest.
    """
    every = [
        catalog.live.get(one.slug, one) if one.kind == "flow" else one for one in catalog.stored.values()
    ]
    kept = [one for one in every if one.state != "retired" and _fits(catalog, one)]
    pack: dict[str, Any] = {one.kind: one.document for one in kept if one.kind == "workspace"}
    for key, kind in SECTIONS.items():
        listed = [
            _exported(catalog, one) for one in sorted(kept, key=lambda one: one.slug) if one.kind == kind
        ]
        if listed:
            pack[key] = listed
    return pack


def _fits(catalog: Catalog, one: Stored) -> bool:
    """Whether it is of a module that there is; views stay behind when theirs is taken away."""
    return one.kind != "saved_filter" or one.document["module"] in catalog.modules


def _exported(catalog: Catalog, one: Stored) -> Document:
    document = one.document
    if one.kind == "saved_filter" and (found := mended(catalog, catalog.saved_filters[one.slug])).lost:
        _, document = parse_document(one.kind, found.view)
    return document | ({} if one.state == "active" else {"state": one.state})


def _folder() -> Path:
    return Path(str(resources.files("crm_core"))) / "packs"


def _files(name_or_path: str | Path) -> Sequence[Path]:
    given = str(name_or_path)
    if "/" not in given and "\\" not in given and not given.endswith((".yaml", ".yml")):
        place = _folder() / given
        if not place.is_dir() and place.with_suffix(".yaml").is_file():
            return [place.with_suffix(".yaml")]
        if not place.is_dir() or given not in shipped_packs():
            raise PackInvalid(given, f"it is none of {', '.join(shipped_packs())}, and no YAML file")
    else:
        place = Path(given).expanduser()
    if place.is_file():
        return [place]
    found = sorted([*place.glob("*.yaml"), *place.glob("*.yml")])
    if not found:
        raise PackInvalid(given, "there is no such file, or no YAML file in that folder")
    return found


def _read_file(path: Path, pack: str, within: tuple[Path, ...]) -> Iterator[PackDocument]:
    document = yaml.load_file(path)
    if not isinstance(document, dict):
        raise PackInvalid(pack, f"{path.name} is no mapping with the keys {_keys()}")
    for key in document:
        if key not in SECTIONS and key not in ("workspace", "include"):
            raise PackInvalid(pack, f"{path.name} has the unknown key “{key}”; there are {_keys()}")
    for other in _listed(document, "include", path, pack):
        included = (path.parent / str(other)).resolve()
        if included in (*within, path.resolve()):
            raise PackInvalid(pack, f"{path.name} includes {other}, which includes it")
        yield from _read_file(included, pack, (*within, path.resolve()))
    if document.get("workspace"):
        yield "workspace", document["workspace"]
    for key, kind in SECTIONS.items():
        for one in _listed(document, key, path, pack):
            yield kind, one


def _listed(document: dict[str, Any], key: str, path: Path, pack: str) -> list[Any]:
    listed = document.get(key) or []
    if not isinstance(listed, list):
        raise PackInvalid(pack, f"{path.name} has under “{key}” no list")
    return listed


def _keys() -> str:
    return ", ".join(["workspace", *SECTIONS, "include"])
