"""Bytes of mail as text, whatever they say of themselves."""

import codecs

from charset_normalizer import from_bytes

_ALIASES = {
    # What browsers and mail programs mean by these names (WHATWG Encoding, section 4.2).
    "ascii": "cp1252", "us-ascii": "cp1252", "ansi_x3.4-1968": "cp1252", "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso-8859-9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949",
    "euc-kr": "cp949", "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "tis-620": "cp874",
    "iso-8859-8-i": "iso-8859-8", "utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "x-unknown": "", "unknown": "",
    "unknown-8bit": "", "8bit": "", "default_charset": "", "default": "", "x-user-defined": "",
}  # fmt: skip
_NO_TEXT = {"base64", "bz2", "hex", "idna", "punycode", "quopri", "raw_unicode_escape", "rot13", "rot_13",
            "undefined", "unicode_escape", "uu", "zlib"}  # fmt: skip
_SAMPLE = 4096
_LEAST = 200
"""Of fewer bytes nobody can tell a language."""


def to_text(content: bytes, charset: str | None) -> tuple[str, bool]:
    """Bytes as text, and whether they were what they said: line ends are `\\n`, U+0000 is left out.

    What is not in the charset it names, or names none, is read as UTF-8, else as what it looks like.
    """
    said = (charset or "").strip().strip("'\"").lower()
    said = _ALIASES.get(said, said)
    told = _decoded(content, said)
    found = told if told is not None else _guessed(content)
    return clean(found), told is not None or (not said and content.isascii())


def clean(text: str) -> str:
    """Text as the lake can store it: without U+0000 and halves of characters, lines ended by `\\n`."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return whole.encode("utf-8", "replace").decode("utf-8")


def _decoded(content: bytes, charset: str) -> str | None:
    if not charset or not charset.isascii():
        return None
    try:
        if codecs.lookup(charset).name.replace("-", "_") in _NO_TEXT:
            return None
        if charset == "cp1252" and not content.isascii():
            # Many say Latin-1 and write UTF-8; what is valid UTF-8 beyond ASCII is hardly ever anything else.
            return _strictly(content, "utf-8") or content.decode("cp1252")
        return content.decode(charset)
    except (LookupError, ValueError):
        return None


def _strictly(content: bytes, charset: str) -> str | None:
    try:
        return content.decode(charset)
    except UnicodeDecodeError:
        return None


def _guessed(content: bytes) -> str:
    plain = _strictly(content, "utf-8")
    if plain is not None:
        return plain
    if len(content) < _LEAST:
        return content.decode("cp1252", "replace")
    best = from_bytes(content[:_SAMPLE]).best()
    likely = _strictly(content, best.encoding) if best is not None else None
    return likely if likely is not None else content.decode("cp1252", "replace")
