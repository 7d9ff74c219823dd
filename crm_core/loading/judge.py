"""The typed values of a load, and what is wrong with single ones."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

from crm_core.loading.job import PROBLEMS, TYPED, Job
from crm_core.loading.reading import RAW, STAGED, WORDS
from crm_core.model import Catalog, Reference
from crm_core.model.fields import Field
from crm_core.values.formats import Reading
from crm_core.values.normalise import Typed, normalise
from crm_core.values.plan import writable
from lake import ident


def type_values(job: Job) -> Typed:
    """Read every value as what its field is; what cannot be read stands among the problems."""
    s, catalog = job.s, job.place.catalog
    reading = replace(
        Reading.of(catalog),
        country=job.contract.formats.country or catalog.workspace.country,
        currency=job.contract.formats.currency or catalog.workspace.currency,
    )
    fields: dict[str, Field] | None = None
    if job.place.relationship is not None:
        fields = {field.slug: field for field in job.place.relationship.fields}
    typed = normalise(
        s,
        catalog,
        module=job.place.name if fields is not None else job.module,
        directory=job.writer.directory,
        staged=STAGED,
        typed=TYPED,
        problems=PROBLEMS,
        reading=reading,
        fields=fields,
    )
    return _with_reasons(job, typed)


def _with_reasons(job: Job, typed: Typed) -> Typed:
    """Add the values that the column's own reading could not make anything of."""
    if not job.read.judged:
        return typed
    s = job.s
    counts = ", ".join(f"count({ident(_why(column))}) AS {ident(column)}" for column in job.read.judged)
    found = s.read(f"SELECT {counts} FROM {ident(TYPED)}").row(0, named=True)
    judged, total = list(typed.judged), 0
    for column, count in found.items():
        if not count:
            continue
        mapped = job.read.columns[column]
        assert mapped.target is not None
        slug = mapped.target.slug
        words = " ".join(f"WHEN '{code}' THEN '{said}'" for code, said in WORDS.items())
        s.execute(
            f"INSERT INTO {ident(PROBLEMS)} SELECT t._row, $slug, t.{ident(_why(column))}, "
            f"concat('“', $slug, '”: “', left(r.{ident(mapped.raw)}, 120), '” ', "
            f"CASE t.{ident(_why(column))} {words} ELSE 'cannot be read' END), r.{ident(mapped.raw)} "
            f"FROM {ident(TYPED)} t JOIN {RAW} r ON r.rowid = t._row WHERE t.{ident(_why(column))} IS NOT NULL",
            {"slug": slug},
        )
        flag = ident(f"{slug}__problem")
        if slug not in judged:
            s.execute(f"ALTER TABLE {ident(TYPED)} ADD COLUMN IF NOT EXISTS {flag} VARCHAR")
            judged.append(slug)
        s.execute(
            f"UPDATE {ident(TYPED)} SET {flag} = {ident(_why(column))} WHERE {ident(_why(column))} IS NOT NULL"
        )
        total += count
    return dataclasses.replace(typed, judged=tuple(judged), found=typed.found + total)


def dropping_slugs(job: Job) -> tuple[str, ...]:
    """The fields whose bad value takes the row along: those of the key, and those that are required."""
    required = [slug for slug, one in _fields(job).items() if one.required]
    keys = [one.target.slug for one in job.key if one.target]
    return tuple(dict.fromkeys([*keys, *required]))


def _fields(job: Job) -> dict[str, Field | Reference]:
    rel = job.place.relationship
    if rel is not None:
        return {field.slug: field for field in rel.fields}
    return _writable(job.place.catalog, job.module)


def _writable(catalog: Catalog, module: str) -> dict[str, Field | Reference]:
    return writable(catalog, module)


def _why(column: str) -> str:
    return f"_why__{column}"
