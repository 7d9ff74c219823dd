"""Files that a browser sends into a box: to disk as they come, and no larger than the box takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from crm_core import uploads

Put = Callable[..., tuple[int, str]]


@pytest.fixture
def put(as_user: Callable[[str], TestClient]) -> Put:
    client = as_user("nobody")

    def send(box: str, content: bytes | Iterator[bytes], **headers: str) -> tuple[int, str]:
        answer = client.put(
            f"/v1/uploads/{box}/upload", params={"name": "scan.tif"}, content=content, headers=headers
        )
        return answer.status_code, answer.json()["detail"] if answer.content else ""

    return send


def test_a_file_that_fits_is_in_the_box(put: Put) -> None:
    box = uploads.open_box(most_bytes=1_000)
    assert put(box, b"x" * 1_000) == (204, "")
    [file] = uploads.files_in(box)
    assert (file.name, file.size, file.path.read_bytes()) == ("scan.tif", 1_000, b"x" * 1_000)
    uploads.close_box(box)
    assert not file.path.exists() and put(box, b"x")[0] == 404


def test_two_gigabytes_are_refused_before_they_come(put: Put) -> None:
    box = uploads.open_box(most_bytes=200_000_000)
    status, told = put(box, b"the first bytes", **{"Content-Length": str(2 << 30)})
    assert status == 413 and "scan.tif is larger than 200 MB" in told and not uploads.files_in(box)


def test_what_does_not_say_how_long_it_is_ends_at_the_limit(put: Put) -> None:
    box = uploads.open_box(most_bytes=100_000)

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    status, told = put(box, pieces())
    assert (status, uploads.files_in(box)) == (413, ()) and "100 kB" in told


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (1_450_000, "1.4 MB"), (999_600, "1 MB"), (2 << 30, "2.1 GB"),
     (10**16, "10000 TB")],
)  # fmt: skip
def test_bytes_in_words(size: int, told: str) -> None:
    assert uploads.in_words(size) == told
