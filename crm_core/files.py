"""Files: content-addressed blobs beside the lake, and a record of the `files` module for each."""

import hashlib
import mimetypes
import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from crm_core import records
from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.people import read_directory
from crm_core.query import read_record, titles
from crm_core.workspace import Workspace
from lake import Lake

_CHUNK = 1 << 20


class Upload(Protocol):
    """A file as a browser or a program hands it over."""

    name: str

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        ...


def store(
    workspace: Workspace, *, uploads: Sequence[Upload], actor: Actor, about: tuple[str, str] | None = None
) -> list[str]:
    """Keep the bytes of some files and make their records; returns their ids in order.

    The same bytes are kept once. A blob is in place before its record is written, so that no record lacks one.
    """
    # The local administrator and a key without a user upload too, though they are nobody who can be assigned.
    known = actor.user in read_directory(workspace.lake).users
    made: list[dict[str, Any]] = []
    for upload in uploads:
        digest, size = write_blob(workspace.settings.files_path, upload)
        kind = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
        values: dict[str, Any] = {
            "name": Path(upload.name).name,
            "sha256": digest,
            "size": size,
            "media_type": kind,
        }
        values["uploader"] = actor.user if known else None
        if about:
            values["about"] = {"module": about[0], "id": about[1]}
        made.append(values)
    if not made:
        return []
    return list(records.create(workspace.lake, module="files", values=made, actor=actor, door="browser").ids)


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


def blob_path(folder: Path, digest: str) -> Path:
    """Where the blob of a digest lies."""
    return folder / digest[:2] / digest


def open_file(workspace: Workspace, *, file_id: str, actor: Actor) -> tuple[dict[str, Any], Path]:
    """The record of a file that the actor may see, and the place of its bytes.

    Raises:
        RecordNotFound: When there is no such file for him, or its bytes are gone.
    """
    record = read_record(workspace.lake, workspace.catalog, module="files", record_id=file_id, actor=actor)
    place = blob_path(workspace.settings.files_path, str(record["sha256"]))
    if not place.is_file():
        raise RecordNotFound("files", file_id)
    return record, place


def names(lake: Lake, catalog: Catalog, *, ids: Collection[str], actor: Actor) -> dict[str, str]:
    """Id → name of the files that the actor may see."""
    if "files" not in catalog.modules or not ids:
        return {}
    return titles(lake, catalog, wanted={"files": sorted(ids)}, actor=actor)
