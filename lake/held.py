"""How tables are held in the serving copy (`lake.mirror`), and what its tables and columns are called."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lake.names import ident
from lake.words import plain_sql

SEARCH_TEXT = "search__text"
"""The column with what a search looks into."""

Name = tuple[str, str]
"""A table: schema and name."""


@dataclass(frozen=True)
class Gathered:
    """Texts of another table that is held, which a search finds at the rows that its live rows point to.

    Attributes:
        table: the other table, by schema and name; it has a column `deleted_at`.
        reference: its column with the id of a row here.
        searched: its columns with the texts.
    """

    table: Name
    reference: str
    searched: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """How a table is held.

    Attributes:
        sort: the columns that the copy is sorted by; a first one that is a key is sorted by its number.
        keys: the UUID columns that rows are looked up by.
        searched: the columns whose texts a search looks into.
        gathered: texts of other tables that stand with those of the rows they belong to.
        words: whether the words of these texts are held as well; `id` is one of the keys then.
        rows: the columns that tell a row from the others. A table that lacks one of them is copied whole at each
            change; rows are found though maintenance wrote them anew where the table has a column `version`.
    """

    sort: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    gathered: tuple[Gathered, ...] = ()
    words: bool = False
    rows: tuple[str, ...] = ("id",)

    @property
    def further(self) -> dict[str, str]:
        """The columns that the copy has beyond the table's (`t`), with the SQL that makes them."""
        found = {
            key_column(key): f"CAST('0x' || right(CAST({ident('t', key)} AS VARCHAR), 12) AS BIGINT)"
            for key in self.keys
        }
        texts = [f"CAST({ident('t', column)} AS VARCHAR)" for column in self.searched]
        texts += [ident(f"g{place}", "texts") for place in range(len(self.gathered))]
        if texts:
            # The same address often stands in the record and in its contact points: what is read at each search
            # is a third shorter when it stands there once.
            joined = plain_sql(f"concat_ws(chr(31), {', '.join(texts)})")
            each = f"string_split({joined}, chr(31))"
            found[SEARCH_TEXT] = f"array_to_string(list_distinct({each}), chr(31))"
        return found


def keyed_schema(schema: str) -> str:
    """Where the tables lie that are held with keys."""
    return f"{schema}_keyed"


def words_table(name: Name) -> Name:
    """Where the words of a table's texts lie: `word, size, letters, pairs` (`lake.words`), and how many `rows` had it.

    A word comes again with rows that came later; those that are gone still count.
    """
    return keyed_schema(name[0]), f"{name[1]}__words"


def worded_table(name: Name) -> Name:
    """Which rows of a table have a word: `word`, which is its hash, and `key`, the number of the row's id."""
    return keyed_schema(name[0]), f"{name[1]}__worded"


def key_column(column: str) -> str:
    """The name of the number that stands for the UUID of a column."""
    return f"{column}__key"


def key_number(id: str) -> int:
    """The number that stands for a UUID: its last 48 bits, which are random in every version that we make.

    Raises:
        ValueError: it is no UUID.
    """
    return UUID(id).int & 0xFFFFFFFFFFFF
