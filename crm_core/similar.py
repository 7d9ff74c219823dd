"""Records with words like those that were typed: one or two letters off, in another order, or not yet at their end.

The different words of a module are compared, not its rows: of a million customers a few hundred thousand. Which rows
have the words that are near is then looked up. A server holds both beside its serving copy (`lake.mirror`); elsewhere
they are worked out in the statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.relations import Relations
from crm_core.searched import open_points, search_texts, searched_columns
from crm_core.trees import column, function, lake_table, text
from lake import Lake
from lake.held import key_column, worded_table, words_table
from lake.mirror import MIRROR
from lake.names import ident
from lake.words import LONGEST, letters, likeness_sql, pairs, plain_sql, size, words_sql

COMPARED = 40
"""How many near words are looked up at most."""

LOOKED_AT = 20_000
"""So many rows at most are looked at for all words; those that have the rarest of them."""

_NEARLY = 0.5
"""What a word that goes on beyond what was typed counts further away."""


@dataclass(frozen=True)
class Near:
    """A word that there is, how far it is from a word that was typed, and which one that is by its place.

    `rows` is about how many rows have it.
    """

    place: int
    word: str
    far: float
    rows: int


def near_words(
    lake: Lake, relations: Relations, module: str, words: Sequence[str], *, nothing: bool = True
) -> tuple[Near, ...]:
    """The words of a module that are like those given, the nearest first; what there is as typed stands for itself.

    Words that nothing is like are left out, so that some of `words` may have no `Near`. Unless there is `nothing` with
    the words as they are, a number that there is is taken to be the right one.
    """
    values: dict[str, Any] = dict(relations.params.values)
    most = max(4, COMPARED // max(1, len(words)))
    parts = [f"({_near_sql(place, word, most, values)})" for place, word in enumerate(words)]
    if not parts:
        return ()
    if relations.copied:
        known = f"known AS (SELECT * FROM {ident(MIRROR, *words_table(('crm', module)))})"
    else:
        rows = f"SELECT word, count(*) AS rows FROM ({text(_row_words(relations, module))}) GROUP BY word"
        values.update(relations.params.values)
        known = f"known AS (SELECT word, {likeness_sql('word')}, rows FROM ({rows}))"
    found = lake.read(f"WITH {known} {' UNION ALL '.join(parts)}", values).rows()
    near = [Near(place, word, float(far), int(rows)) for place, word, far, rows in found]
    exact = {one.place for one in near if not one.far}
    # Where each word is right by itself, but not all together, any of them may be the wrong one.
    doubted = len(exact) == len(words)
    kept = [
        one
        for one in near
        if not one.far or one.place not in exact or (doubted and (nothing or size(one.word) > 0))
    ]
    return tuple(sorted(kept, key=lambda one: (one.far, one.place, one.word)))


def rows_with(relations: Relations, module: str, near: Sequence[Near], *, places: int) -> exp.Select:
    """The rows that have a near word for each place: `key`, and how `far` they are in all.

    `key` is what `key_of` names.
    """
    rarest = min({one.place for one in near}, key=lambda place: sum(n.rows for n in near if n.place == place))
    first = _worded(relations, module, [one for one in near if one.place == rarest]).limit(LOOKED_AT)
    each = _worded(relations, module, near) if places > 1 else first
    if places > 1:
        each = each.where(column("key", "w").isin(query=exp.select(column("key")).from_(first.subquery("f"))))
    nearest = (
        exp.select(column("key"), column("place"), exp.Min(this=column("far")).as_("far"))
        .from_(each.subquery("e"))
        .group_by(column("key"), column("place"))
    )
    return (
        exp.select(column("key"), exp.Sum(this=column("far")).as_("far"))
        .from_(nearest.subquery("n"))
        .group_by(column("key"))
        .having(exp.Count(this=exp.Star()).eq(exp.Literal.number(places)))
    )


def _worded(relations: Relations, module: str, near: Sequence[Near]) -> exp.Select:
    """Which rows have which of the near words: `key`, `place`, `far`."""
    bind = relations.params.bind
    hits = exp.select(
        function("unnest", bind([one.place for one in near], "INTEGER[]")).as_("place"),
        function("unnest", bind([one.word for one in near], "VARCHAR[]")).as_("word"),
        function("unnest", bind([one.far for one in near], "DOUBLE[]")).as_("far"),
    )
    word: exp.Expr = column("word", "h")
    if relations.copied:
        schema, name = worded_table(("crm", module))
        worded: exp.Expr = lake_table(name, schema=schema, alias="w", catalog=MIRROR)
        word = function("hash", word)
    else:
        worded = _row_words(relations, module).subquery("w")
    return (
        exp.select(column("key", "w"), column("place", "h"), column("far", "h"))
        .from_(worded)
        .join(hits.subquery("h"), on=column("word", "w").eq(word))
    )


def key_of(relations: Relations, alias: str) -> exp.Column:
    """The column of a module's rows that `rows_with` gives as `key`."""
    return column(key_column("id") if relations.copied else "id", alias)


def _row_words(relations: Relations, module: str) -> exp.Select:
    """Each visible row with each of its words, where no serving copy holds them: `key`, `word`."""
    catalog = relations.catalog
    parts = [_texts(relations, module, "id", search_texts(catalog, module))]
    points = open_points(catalog, module)
    if points is not None:
        columns = searched_columns(catalog, points.module)
        parts.append(_texts(relations, points.module, points.reference, columns))
    rows = exp.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    each: exp.Expr = exp.maybe_parse(f"unnest({words_sql(plain_sql('texts'))})", dialect="duckdb")
    words = exp.select(column("key"), each.as_("word")).from_(rows.subquery("t")).subquery("s")
    long_enough = exp.Between(
        this=exp.Length(this=column("word")), low=exp.Literal.number(2), high=exp.Literal.number(LONGEST)
    )
    return exp.select(column("key"), column("word")).distinct().from_(words).where(long_enough)


def _texts(relations: Relations, module: str, key: str, columns: Sequence[str]) -> exp.Select:
    texts = [exp.cast(column(name, "v"), "VARCHAR") for name in columns]
    joined = function("concat_ws", exp.Literal.string(" "), *texts)
    return exp.select(column(key, "v").as_("key"), joined.as_("texts")).from_(relations.visible(module, "v"))


def allowed(word: str) -> int:
    """How many letters may be off: none in what is very short, two from seven letters on; in numbers one."""
    length = len(word)
    if size(word) < 0:
        return 1 if length > 3 else 0
    return 0 if length < 3 else 1 if length < 7 else 2


def _near_sql(place: int, word: str, most: int, values: dict[str, Any]) -> str:
    """The words like one word, the nearest first: `place, word, far, rows`."""
    values |= {f"w{place}": word, f"l{place}": letters(word), f"n{place}": pairs(word)}
    length, off = len(word), allowed(word)
    off_whole = (
        f"bit_count(xor(letters, $l{place})) <= {2 * off} AND bit_count($n{place} & ~pairs) <= {3 * off}"
    )
    off_begin = f"bit_count($l{place} & ~letters) <= 1 AND bit_count($n{place} & ~pairs) <= 3"
    begins, low, high = f"left(word, {length})", length - off, LONGEST
    if size(word) < 0:
        begins, low, high = f"right(word, {length})", -length - (5 if word.isdigit() else off), off - length
    open_end = length > 3 if size(word) > 0 else word.isdigit() and length > 6
    further = (
        f"WHEN abs(size) > {length} AND {off_begin} THEN damerau_levenshtein({begins}, $w{place}) + {_NEARLY}"
        if open_end
        else ""
    )
    whole = f"abs(size) <= {length + off} AND {off_whole}"
    far = f"""
        least(
            CASE WHEN word = $w{place} THEN 0 WHEN {whole} THEN damerau_levenshtein(word, $w{place}) ELSE 99 END,
            CASE {further} ELSE 99 END
        )"""
    if not further:
        far = f"CASE WHEN word = $w{place} THEN 0 WHEN {whole} THEN damerau_levenshtein(word, $w{place}) ELSE 99 END"
    bound = max(off, 1 + _NEARLY if open_end else 0)
    return (
        f"SELECT {place} AS place, word, min(far) AS far, sum(rows) AS rows "
        f"FROM (SELECT word, rows, {far} AS far FROM known "
        f"WHERE size BETWEEN {low} AND {high}) WHERE far <= {bound} GROUP BY word ORDER BY far, word LIMIT {most}"
    )
