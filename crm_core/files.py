"""Files: content-addressed blobs beside the lake, and a record of the `files` module for each."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sqlglot import exp

from crm_core import links, media, records
from crm_core import uploads as boxes
from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.people import read_directory
from crm_core.query import read_record, titles
from crm_core.relations import relations_for
from crm_core.trees import column, text
from crm_core.workspace import Workspace
from lake import Lake

MODULE = "files"
PATH = "/api/files/"
_CHUNK = 1 << 20
_DIGEST = re.compile("[0-9a-f]{64}")
_PURPOSE = "file"


class Upload(Protocol):
    """A file as a browser or a program hands it over."""

    name: str

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        ...


def store(
    workspace: Workspace,
    *,
    uploads: Sequence[Upload],
    actor: Actor,
    about: tuple[str, str] | None = None,
    also: Mapping[str, Any] | None = None,
) -> list[str]:
    """Keep the bytes of some files and make their records; returns their ids in order.

    The same bytes are kept once. A blob is in place before its record is written, so that no record lacks one. What a
    file is, its bytes say, and not its name.

    Args:
        workspace: where.
        uploads: the files.
        actor: who brings them.
        about: module and id of the record that they are about.
        also: further values of their records, such as whose they are.
    """
    # The local administrator and a key without a user upload too, though they are nobody who can be assigned.
    known = actor.user in read_directory(workspace.lake).users
    made: list[dict[str, Any]] = []
    for upload in uploads:
        digest, size = write_blob(workspace.settings.files_path, upload)
        name = media.unturned(Path(upload.name).name)
        head = media.read_head(blob_path(workspace.settings.files_path, digest))
        values: dict[str, Any] = {
            "name": name,
            "sha256": digest,
            "size": size,
            "media_type": media.settled(head, name=name),
        }
        values["uploader"] = actor.user if known else None
        if about:
            values["about"] = {"module": about[0], "id": about[1]}
        made.append(values | dict(also or {}))
    if not made:
        return []
    return list(records.create(workspace.lake, module=MODULE, values=made, actor=actor, door="browser").ids)


def store_box(
    workspace: Workspace,
    box: str,
    *,
    actor: Actor,
    about: tuple[str, str] | None = None,
    also: Mapping[str, Any] | None = None,
) -> list[str]:
    """As `store`, with what a browser has sent into a box, whose files are gone then; nothing for an empty one.

    What comes in while they are stored stays in the box, for the next time.
    """
    came = boxes.files_in(box)
    if not came:
        return []
    with contextlib.ExitStack() as opened:
        sources = [_Named(one.name, opened.enter_context(one.path.open("rb"))) for one in came]
        ids = store(workspace, uploads=sources, actor=actor, about=about, also=also)
    boxes.remove(box, came)
    return ids


def keep_bytes(workspace: Workspace, box: str) -> tuple[tuple[str, str], ...]:
    """Keep the bytes of what a browser has sent into a box, and empty it; `store_kept` makes files of them later.

    Returns:
        The name and the SHA-256 (hex) of each, in order.
    """
    found = []
    for one in boxes.take(box):
        with one.path.open("rb") as source:
            found.append((one.name, write_blob(workspace.settings.files_path, source)[0]))
        one.path.unlink(missing_ok=True)
    return tuple(found)


def store_kept(
    workspace: Workspace,
    kept: Sequence[tuple[str, str]],
    *,
    actor: Actor,
    about: tuple[str, str] | None = None,
    also: Mapping[str, Any] | None = None,
) -> list[str]:
    """As `store`, of bytes that `keep_bytes` kept."""
    with contextlib.ExitStack() as opened:
        places = [(name, blob_path(workspace.settings.files_path, digest)) for name, digest in kept]
        sources = [_Named(name, opened.enter_context(place.open("rb"))) for name, place in places]
        return store(workspace, uploads=sources, actor=actor, about=about, also=also)


class _Named:
    """A file under the name by which its owner knows it."""

    def __init__(self, name: str, source: BinaryIO) -> None:
        self.name, self._source = name, source

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        return self._source.read(size)


def write_blob(folder: Path, source: Upload | BinaryIO) -> tuple[str, int]:
    """Write bytes under their SHA-256, atomically; returns the digest (hex) and the size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    place = blob_path(folder, digest.hexdigest())
    place.parent.mkdir(exist_ok=True)
    os.replace(file.name, place)
    # Its name is durable only when the folder is: whoever is told that it is kept relies on it.
    entry = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
    return digest.hexdigest(), size


def blob_path(folder: Path, digest: str | None) -> Path:
    """Where the blob of a digest lies; for what is none, whatever a record says, a place where nothing ever lies."""
    kept = digest if digest is not None and _DIGEST.fullmatch(digest) else "none"
    return folder / kept[:2] / kept


@dataclass(frozen=True)
class Kept:
    """A file that somebody may see: its record, and where its bytes lie."""

    record: dict[str, Any]
    place: Path

    @property
    def name(self) -> str:
        """Its name, with which it is taken away."""
        return str(self.record["name"])


def open_file(workspace: Workspace, *, file_id: str, actor: Actor) -> Kept:
    """A file that the actor may see.

    Raises:
        RecordNotFound: When there is no such file for him, or its bytes are gone.
    """
    catalog = workspace.catalog
    if MODULE not in catalog.modules:
        raise RecordNotFound(MODULE, file_id)
    record = read_record(workspace.lake, catalog, module=MODULE, record_id=file_id, actor=actor)
    place = blob_path(workspace.settings.files_path, str(record["sha256"]))
    if not place.is_file():
        raise RecordNotFound(MODULE, file_id)
    return Kept(record, place)


def address(file_id: str, *, actor: Actor) -> str:
    """The address under which a browser shows a file, or takes it away with `?download=1`.

    Whether the actor may see it is asked when it is followed.
    """
    return PATH + links.sign(_PURPOSE, actor=actor, claims=[str(file_id)])


def follow(workspace: Workspace, token: str) -> Kept:
    """The file that a link leads to.

    Raises:
        LinkExpired: As `links.follow` says.
        RecordNotFound: The file was deleted, or its person may see it no more.
    """
    found = links.follow(workspace.lake, token, purpose=_PURPOSE)
    return open_file(workspace, file_id=found.claims[0], actor=found.actor)


@dataclass(frozen=True)
class Told:
    """What is known of a file without its bytes."""

    name: str
    media_type: str
    size: int | None


def read_told(lake: Lake, catalog: Catalog, *, ids: Collection[str], actor: Actor) -> dict[str, Told]:
    """Id → what is known of the files that the actor may see, in one statement."""
    if MODULE not in catalog.modules or not ids:
        return {}
    relations, known, row = relations_for(lake, catalog, actor), sorted(set(ids)), "f"
    wanted = relations.params.bind_all(known, "UUID")
    statement = (
        exp.select(exp.cast(column("id", row), "VARCHAR").as_("id"))
        .select(*(column(name, row) for name in ("name", "media_type", "size")))
        .from_(relations.narrowed(MODULE, row, {"id": known}))
        .where(relations.predicate(MODULE, row), column("id", row).isin(*wanted))
    )
    rows = lake.read(text(statement), relations.params.values).to_dicts()
    return {one["id"]: Told(one["name"] or "File", one["media_type"] or "", one["size"]) for one in rows}


def names(lake: Lake, catalog: Catalog, *, ids: Collection[str], actor: Actor) -> dict[str, str]:
    """Id → name of the files that the actor may see."""
    if MODULE not in catalog.modules or not ids:
        return {}
    return titles(lake, catalog, wanted={MODULE: sorted(ids)}, actor=actor)
