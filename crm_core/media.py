"""What a file is, by its first bytes: an ending is only what somebody says, and so is a media type that came along.

Only what a browser can show without running anything counts as showable. The signatures of that, and of what runs or
marks up, are held here; other kinds are named by puremagic, and never shown.
"""

import mimetypes
import re
from pathlib import Path
from typing import Literal

import puremagic

HEAD = 8_192
"""So many bytes of a file are looked at."""

Family = Literal[
    "image", "pdf", "audio", "video", "text", "page", "program", "archive", "office", "empty", "unknown"
]
UNKNOWN, EMPTY = "application/octet-stream", "application/x-empty"

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"dex\n", "application/vnd.android.dex"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"(\xb5/\xfd", "application/zstd"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
           b"mif1": "image/heic", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime"}  # fmt: skip
_CHUNKS = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
# As browsers tell a page from text (WHATWG MIME Sniffing, section 7.1), and what else an engine would run.
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|"
    rb"br|p)[\s>])",
    re.IGNORECASE,
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BOMS = (b"\xff\xfe", b"\xfe\xff")

SHOWABLE = frozenset({
    "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
    "audio/mpeg", "audio/aac", "audio/mp4", "audio/wav", "audio/ogg", "audio/flac", "audio/webm",
    "video/mp4", "video/webm", "video/ogg", "text/plain",
})  # fmt: skip
"""What a browser may show in a page; all else it may only take away."""

_TYPES = {  # what the standard library does not know everywhere
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation", ".rtf": "application/rtf",
    ".msg": "application/vnd.ms-outlook", ".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar",
    ".xz": "application/x-xz", ".bz2": "application/x-bzip2", ".gz": "application/gzip",
    ".zst": "application/zstd", ".flac": "audio/flac",
    ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".aac": "audio/aac",
    ".weba": "audio/webm", ".wav": "audio/wav", ".webp": "image/webp", ".avif": "image/avif",
    ".heic": "image/heic",
    ".log": "text/plain", ".md": "text/markdown", ".yaml": "text/yaml", ".yml": "text/yaml",
    ".ics": "text/calendar",
    ".vcf": "text/vcard", ".eml": "message/rfc822", ".exe": "application/x-msdownload",
    ".sh": "text/x-shellscript",
}  # fmt: skip
_OFFICE = re.compile(r"officedocument|opendocument|ms-?(word|excel|powerpoint|outlook)|ole-storage|/rtf")
_ARCHIVES = frozenset({
    "application/zip", "application/gzip", "application/x-bzip2", "application/x-xz", "application/x-7z-compressed",
    "application/vnd.rar", "application/zstd", "application/x-tar",
})  # fmt: skip
_PROGRAMS = frozenset({
    "application/x-msdownload", "application/x-executable", "application/x-mach-binary", "application/java-vm",
    "application/vnd.android.dex", "application/x-ms-shortcut", "text/x-shellscript", "application/x-sh",
})  # fmt: skip
_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
_TEXTS = frozenset({"application/json", "application/xml", "message/rfc822", "application/javascript"})
_ALSO: dict[Family, frozenset[Family]] = {
    "office": frozenset({"archive"}), "audio": frozenset({"video"}), "video": frozenset({"audio"}),
    "text": frozenset({"page", "empty"}), "page": frozenset({"text"}), "program": frozenset({"text"}),
}  # fmt: skip
"""Family that an ending stands for → what such a file may well be by its bytes."""

_WORDS: dict[Family, str] = {
    "image": "a picture", "pdf": "a PDF", "audio": "a sound", "video": "a film", "text": "text", "page": "a web page",
    "program": "a program", "archive": "an archive", "office": "an office document", "empty": "empty",
    "unknown": "something else",
}  # fmt: skip
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BUILT_IN = mimetypes.MimeTypes()


_PLAYED: dict[str, Family] = {"image": "image", "audio": "audio", "video": "video"}


def sniff(head: bytes) -> str:
    """The media type of the first bytes (`HEAD` of them are enough); `UNKNOWN` when nothing knows them."""
    if not head:
        return EMPTY
    for offset, mark, found in _SIGNATURES:
        if head.startswith(mark, offset):
            return found
    return _in_container(head) or _written(head) or _rest(head)


def read_head(path: Path) -> bytes:
    """The bytes of a file that `sniff` wants."""
    with path.open("rb") as file:
        return file.read(HEAD)


def settled(head: bytes, *, name: str, said: str = "") -> str:
    """The media type that is kept for a file: its bytes' own, or a narrower one that its ending or sender gives.

    Args:
        head: its first bytes.
        name: its name.
        said: the media type that came along with it, if any.
    """
    found = sniff(head)
    for narrower in (by_ending(name), said.lower()):
        same = family(narrower) == family(found) or (family(narrower), family(found)) == ("office", "archive")
        if same and family(found) in ("text", "office", "archive", "unknown") and narrower:
            return narrower
    return found


def by_ending(name: str) -> str:
    """The media type that a name's ending stands for; empty for an ending that says nothing."""
    ending = Path(name).suffix.lower()
    return _TYPES.get(ending) or _BUILT_IN.types_map[True].get(ending, "")


def family(media_type: str) -> Family:
    """What a media type is to a person."""
    kind = media_type.partition("/")[0]
    if media_type in _PAGES:
        return "page"
    if media_type in _PROGRAMS:
        return "program"
    if media_type in _ARCHIVES:
        return "archive"
    if media_type == "application/pdf":
        return "pdf"
    if media_type == EMPTY:
        return "empty"
    if _OFFICE.search(media_type):
        return "office"
    if kind == "text" or media_type in _TEXTS:
        return "text"
    return _PLAYED.get(kind, "unknown")


def mismatch(name: str, media_type: str) -> str:
    """What to tell a person of a file that is not what its ending says: “says .pdf, is a program”; else nothing."""
    claimed = by_ending(name)
    said, found = family(claimed), family(media_type)
    if said in ("unknown", found) or found in _ALSO.get(said, ()):
        return ""
    if found == "unknown" and said != "text" and claimed not in SHOWABLE:
        return ""  # of a kind that we do not know by its bytes
    return f"says {Path(name).suffix.lower()[:12]}, is {_WORDS[found]}"


def unturned(name: str) -> str:
    """A name without the signs that turn its letters around: `invoice-fdp.exe` is not to be seen as a PDF.

    Writing from right to left needs none of them.
    """
    return _TURNING.sub("", name)


def shown_as(head: bytes) -> str | None:
    """The content type under which a browser may show a file in a page; None when it may not.

    Text has its charset with it.
    """
    found = sniff(head)
    if found not in SHOWABLE:
        return None
    return f"text/plain; charset={charset(head)}" if found == "text/plain" else found


def charset(head: bytes) -> str:
    """In which charset a text is read: UTF-8 where it is that, UTF-16 by its mark, else Windows-1252."""
    if head.startswith(_BOMS):
        return "utf-16"
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last letter may be cut.
        if error.start < len(head) - 3:
            return "windows-1252"
    return "utf-8"


def _in_container(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _CHUNKS.get(head[8:12])
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head[:512] else "audio/ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in head[:64]:
        return "video/webm" if b"V_" in head else "audio/webm"
    if head[:2] == b"MZ" and b"\x00" in head:
        return "application/x-msdownload"
    if head[:2] == b"BM" and head[14:15] in (b"\x0c", b"\x28", b"\x6c", b"\x7c") and head[15:18] == b"\0\0\0":
        return "image/bmp"
    return None


def _written(head: bytes) -> str | None:
    """What kind of text it is; None when it is none."""
    if head.startswith(_BOMS):
        return "text/plain"
    if _BINARY.search(head):
        return None
    if b"<svg" in head.lower():
        return "image/svg+xml"
    if _MARKUP.match(head) or b"<html" in head[:1024].lower() or b"<script" in head[:1024].lower():
        return "text/html"
    return "text/plain"


def _rest(head: bytes) -> str:
    try:
        found = puremagic.magic_string(head)
    except puremagic.PureError:
        return UNKNOWN
    best = found[0]
    # What is to be shown is known above: a guess must not make a file one of these.
    sure = (
        best.confidence >= 0.8
        and best.mime_type
        and family(best.mime_type) in ("office", "archive", "unknown")
    )
    return best.mime_type if sure else UNKNOWN
