"""How text is read as values: the workspace's zone, and the habits of one source."""

from dataclasses import dataclass

from crm_core.model import Catalog

TRUE_WORDS = ("true", "t", "yes", "y", "1", "on", "x", "ja", "j", "wahr", "oui", "o", "vrai", "si", "sí", "s")
FALSE_WORDS = ("false", "f", "no", "n", "0", "off", "nein", "falsch", "non", "faux", "falso")
ISO_DATES = ("%Y-%m-%d", "%Y%m%d")


@dataclass(frozen=True)
class Reading:
    """How text becomes values.

    Attributes:
        zone: IANA zone of times without one.
        country: alpha-2 code by which national phone numbers are read.
        currency: ISO 4217 code of amounts without one; empty leaves them without.
        decimal_mark: `.` or `,`.
        thousands_mark: what may stand between groups of digits, or nothing.
        dates: further `strptime` formats of days, tried in order after ISO 8601.
        times: further `strptime` formats of days with a time of day.
    """

    zone: str = "UTC"
    country: str = "DE"
    currency: str = "EUR"
    decimal_mark: str = "."
    thousands_mark: str = ""
    dates: tuple[str, ...] = ()
    times: tuple[str, ...] = ()

    @classmethod
    def of(cls, catalog: Catalog) -> "Reading":
        """As people type in this workspace: ISO dates, decimal points, its zone, country and currency."""
        workspace = catalog.workspace
        return cls(workspace.time_zone, workspace.country, workspace.currency)
