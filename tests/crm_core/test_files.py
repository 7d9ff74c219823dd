"""Where the bytes of files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.files import blob_path, write_blob


@pytest.mark.parametrize(
    "digest",
    ["/etc/hostname", "../secret", "a" * 63, "A" * 64, "/" * 52 + "etc/hostname", "", None],
    ids=["elsewhere", "beside", "too short", "in capitals", "as long as a digest", "empty", "nothing"],
)
def test_a_record_that_names_no_digest_leads_to_no_bytes(tmp_path: Path, digest: str | None) -> None:
    (tmp_path / "secret").write_text("of the server")
    folder = tmp_path / "files"
    place = blob_path(folder, digest)
    assert place.is_relative_to(folder) and ".." not in place.parts and not place.exists()


def test_bytes_lie_under_their_digest(tmp_path: Path) -> None:
    (tmp_path / "came").write_bytes(b"as they are")
    with (tmp_path / "came").open("rb") as source:
        digest, size = write_blob(tmp_path / "files", source)
    assert (blob_path(tmp_path / "files", digest).read_bytes(), size) == (b"as they are", 11)
