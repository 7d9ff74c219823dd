"""Words as a search compares them: in small letters, without accents, and with what tells quickly that two are unlike.

To compare a word with all that there are letter by letter takes too long among millions. So each has two numbers with
a bit for each letter and for each pair of neighbours in it: a typing error changes few of them. Words with a digit have
their length below zero, so that names are compared with names and numbers with numbers.
"""

import re
import unicodedata

SEPARATOR = chr(31)
"""Stands between the texts of a row."""

LONGEST = 40
"""What is longer is no word that somebody types, such as a key or a piece of a link."""

_BITS = 62
_BEFORE_FIRST = 7
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")


def plain(text: str) -> str:
    """A text in small letters without accents, as `plain_sql` makes it."""
    parted = unicodedata.normalize("NFD", text.lower())
    return unicodedata.normalize(
        "NFC", "".join(c for c in parted if not unicodedata.category(c).startswith("M"))
    )


def plain_sql(text: str) -> str:
    """The SQL for a text in small letters without accents."""
    return f"strip_accents(lower({text}))"


def words_of(text: str) -> list[str]:
    """The words of a text, in order: runs of letters and digits."""
    return _WORD.findall(plain(text))


def words_sql(text: str) -> str:
    """The SQL for the list of the different words of a plain text."""
    # A bound on the length within the pattern would take forty times as long.
    return f"list_distinct(regexp_extract_all({text}, '[\\pL\\pN]+'))"


def size(word: str) -> int:
    """How long a word is; below zero when it has a digit."""
    return -len(word) if _DIGIT.search(word) else len(word)


def letters(word: str) -> int:
    """A bit for each letter."""
    found = 0
    for letter in word:
        found |= 1 << (ord(letter) % _BITS)
    return found


def pairs(word: str) -> int:
    """A bit for each two neighbours, and for the first letter."""
    found, before = 0, _BEFORE_FIRST
    for letter in word:
        found |= 1 << ((ord(letter) * 31 + before) % _BITS)
        before = ord(letter)
    return found


def likeness_sql(word: str) -> str:
    """The SQL for `size`, `letters` and `pairs` of a word, as columns."""
    each = f"string_split({word}, '')"
    before = f"CASE WHEN i = 1 THEN {_BEFORE_FIRST} ELSE ord({word}[i - 1]) END"
    length = f"CASE WHEN regexp_matches({word}, '\\d') THEN -length({word}) ELSE length({word}) END"
    return (
        f"CAST({length} AS SMALLINT) AS size, "
        f"list_bit_or(list_transform({each}, lambda c: CAST(1 AS BIGINT) << (ord(c) % {_BITS}))) AS letters, "
        f"list_bit_or(list_transform({each}, lambda c, i: CAST(1 AS BIGINT) << ((ord(c) * 31 + {before}) % {_BITS}))) "
        "AS pairs"
    )
