"""Every kind of field with two values as files bring them, and a third that a person enters in the browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

FILE = object()
"""Stands for a file: its id in a cell and in a condition, an upload in the browser."""


@dataclass(frozen=True)
class Case:
    """A kind, and what its values look like on every way in and out.

    Attributes:
        kind: the kind.
        cells: column (after the field's slug) → the cells of the records `one` and `two`; the third's are empty.
        loaded: the value of `one` as the API shows it after the load.
        ask: operator and value of a condition that holds for `one` alone; `part` is behind the field's slug.
        entered: widget (after the field's key) → what a person enters for `one`.
        shown: the value as the API shows it afterwards.
        csv, parquet: the same in exports, in the column with `part`.
        history: the old and the new text of the column with `part`.
        rules: what the field's definition says beside its kind.
        ordered: whether `one` comes before `two`; None for kinds without an order.
    """

    kind: str
    cells: dict[str, tuple[str, str]]
    loaded: Any
    ask: tuple[str, Any]
    entered: dict[str, Any]
    shown: Any
    csv: str
    parquet: Any
    history: tuple[str | None, str | None]
    rules: dict[str, Any] = field(default_factory=dict)
    ordered: bool | None = True
    part: str = ""

    @property
    def slug(self) -> str:
        """The field's slug, as the configurator makes it of the label."""
        return f"the_{self.kind}"

    @property
    def column(self) -> str:
        """The column that is looked at in exports and in the history."""
        return f"{self.slug}__{self.part}" if self.part else self.slug

    @property
    def path(self) -> str:
        """What conditions and orders call it."""
        return f"{self.slug}.{self.part}" if self.part else self.slug


CHOICES = {"options": [{"value": "green"}, {"value": "red"}]}
HOME = {"street": "Kai 1", "postal_code": "20457", "city": "Hamburg", "region": None, "country": "DE"}


def simple(kind: str, one: str, two: str, ask: tuple[str, Any], entered: Any, **more: Any) -> Case:
    """A kind with one cell, one widget and one column; what is not said is as it was written or entered."""
    shown = more.pop("shown", entered)
    return Case(
        kind, {"": (one, two)}, more.pop("loaded", one), ask, {"": entered}, shown, more.pop("csv", str(shown)),
        more.pop("parquet", shown), more.pop("history", (one, str(shown))), **more,
    )  # fmt: skip


CASES = (
    simple("text", "alpha", "beta", ("eq", "alpha"), "gamma"),
    simple("long_text", "a, b", "c\nd", ("contains", "A, B"), "e\nf"),
    simple("integer", "7", "9", ("lt", 8), 12, loaded=7),
    simple("decimal", "1.25", "3", ("le", "1.25"), "4.5", loaded=1.25, shown=4.5, csv="4.500000",
           parquet=4.5, history=("1.250000", "4.500000")),
    simple("boolean", "no", "yes", ("eq", False), True, loaded=False, csv="true", history=("false", "true")),
    simple("date", "2026-03-04", "2027-01-01", ("lt", "2026-12-31"), date(2028, 2, 29), shown="2028-02-29",
           parquet=date(2028, 2, 29)),
    simple("datetime", "2026-03-04T10:00:00Z", "2027-01-01T00:00:00Z", ("eq", "2026-03-04"),
           datetime(2028, 2, 29, 12, 30), loaded="2026-03-04T10:00:00.000Z", shown="2028-02-29T11:30:00.000Z",
           parquet=datetime(2028, 2, 29, 11, 30, tzinfo=UTC),
           history=("2026-03-04 10:00:00+00", "2028-02-29 11:30:00+00")),
    simple("email", "Ann@Mail.EXAMPLE", "z@mail.example", ("starts_with", "ann"), "bob@Mail.example",
           loaded="Ann@mail.example", shown="bob@mail.example", history=("Ann@mail.example", "bob@mail.example")),
    simple("phone", "030 1234567", "+49 40 9999999", ("eq", "+49301234567"), "+44 20 7946 0018",
           loaded="+49301234567", shown="+442079460018", history=("+49301234567", "+442079460018")),
    simple("url", "https://a.example/x", "https://z.example", ("contains", "a.example"), "https://b.example/y"),
    simple("select", "green", "red", ("in", ["green"]), "red", rules=CHOICES),
    simple("multi_select", "green; red", "red", ("contains", "green"), ["red"], rules=CHOICES, ordered=None,
           loaded=["green", "red"], csv="red", history=("[green, red]", "[red]")),
    simple("country", "Germany", "US", ("eq", "DE"), "FR", loaded="DE", history=("DE", "FR")),
    simple("user", "ann", "bob", ("eq", "ann"), "bob"),
    simple("file", FILE, "", ("contains", FILE), FILE, ordered=None),  # type: ignore[arg-type]
    simple("json", '{"a": [1, null]}', '{"b": 2}', ("contains", "null"), '{"c": "ü"}', ordered=None,
           loaded={"a": [1, None]}, shown={"c": "ü"}, csv='{"c": "ü"}', parquet='{"c": "ü"}',
           history=('{"a": [1, null]}', '{"c": "ü"}')),
    Case("money", {"": ("12,50 €", "99 USD")}, {"amount": "12.50", "currency": "EUR"}, ("lt", 50),
         {":amount": "1,204.50", ":currency": "CHF"}, {"amount": "1204.50", "currency": "CHF"},
         "1204.5000", 1204.5, ("12.5000", "1204.5000")),
    Case("address", {f"__{part}": (value or "", "") for part, value in HOME.items()}, HOME, ("eq", "Hamburg"),
         {":city": "Kiel"}, {**HOME, "city": "Kiel"}, "Kiel", "Kiel", ("Hamburg", "Kiel"),
         ordered=None, part="city"),
    Case("auto_number", {}, "T-00001", ("eq", "T-00001"), {}, "T-00001", "T-00001", "T-00001",
         (None, "T-00001"), rules={"prefix": "T-"}),
)  # fmt: skip
