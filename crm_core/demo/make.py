"""Making the demo: simulate the world, then write it as if it had come in month by month."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm_core.access import Actor, Role
from crm_core.definitions import read_catalog
from crm_core.demo import people
from crm_core.demo.accounts import make_businesses, make_customers
from crm_core.demo.activity import make_activity
from crm_core.demo.inquiries import make_inquiries
from crm_core.demo.people import countries
from crm_core.demo.service import make_service
from crm_core.demo.trade import make_trade
from crm_core.demo.world import World
from crm_core.demo.write import months_of, number_records, sets_as_files, write_month
from crm_core.directory import User
from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.people import save_users
from lake import Lake, table

Progress = Callable[[str, int, int], None]
"""Called with a phase (`simulate`, `write`), the months done, and the months in all."""

MONTHS = 24
SIZE = 2000
SMALLEST = 20
_TEAMS = ("sales", "operations", "service")


def _user(name: str, role: Role, teams: tuple[str, ...], city: str, language: str = "en") -> User:
    first, last = name.split()
    slug, email = first.lower(), f"{people.slug(first)}.{people.slug(last)}@merganser-freight.example"
    return User(slug, name, email, role, teams, f"Europe/{city}", language)


USERS = (
    _user("Anna Weber", "agent", ("sales",), "Berlin", "de"),
    _user("Ben Carter", "agent", ("sales",), "London"),
    _user("Clara Martin", "agent", ("sales", "service"), "Paris", "fr"),
    _user("David Novák", "agent", ("operations",), "Prague"),
    _user("Elif Kaya", "agent", ("operations",), "Istanbul", "tr"),
    _user("Farid Haddad", "agent", ("service",), "Berlin", "de"),
    _user("Grace Lindqvist", "admin", _TEAMS, "Stockholm"),
    _user("Hugo Almeida", "viewer", ("operations",), "Lisbon"),
)


class DemoRefused(CrmError):
    """The demo cannot be made here: there are customers already, or the workspace is not the forwarder's."""

    status = 409

    def __init__(self, reason: str, todo: str) -> None:
        self.reason = reason
        super().__init__(f"The demo was not made: {reason}. {todo}")


@dataclass(frozen=True)
class DemoMade:
    """What was made: records by module (links by their table), the commits, and the last snapshot."""

    records: Mapping[str, int]
    commits: int
    snapshot: int


def make_demo(
    lake: Lake,
    *,
    size: int = SIZE,
    seed: int = 1,
    until: datetime | None = None,
    files: Path | None = None,
    progress: Progress | None = None,
) -> DemoMade:
    """Fill a workspace that has the definitions of `logistics` and no customers, in 24 commits, each a month.

    The same seed, size and `until` give the same records, ids included: two demos of one day are the same.

    Args:
        lake: an open workspace's lake.
        size: the number of customers; everything else follows: 2,000 have 300 businesses and 5,000 inquiries.
        seed: of all chance.
        until: the present (an aware instant), at which the two years end; the last midnight (UTC) when not given.
        files: the folder of blobs (`Settings.files_path`); without it file records have no bytes behind them.
        progress: is told how far it is.

    Raises:
        DemoRefused: There are customers, or the modules are not those of the pack.
        ValueError: The size is too small, or `until` has no time zone.
    """
    catalog = read_catalog(lake)
    _require_room(lake, catalog)
    tell = progress or (lambda phase, done, total: None)
    tell("simulate", 0, MONTHS)
    world = simulate(size=size, seed=seed, until=until or _last_midnight())
    save_users(lake, USERS, actor=Actor.local_admin(), reason="demo")
    if files is not None:
        _write_blobs(files, world.blobs)
    counters = number_records(world, catalog)
    months, snapshot = months_of(world), 0
    with sets_as_files(lake) as place:
        for number, month in enumerate(months, start=1):
            tell("write", number - 1, len(months))
            last = counters if number == len(months) else None
            snapshot = write_month(place, catalog, month, reason=f"demo, {month.end:%B %Y}", counters=last)
    tell("write", len(months), len(months))
    made = {name: len(drafts) for name, drafts in sorted(world.records.items())}
    made |= {name: len(links) for name, links in sorted(world.links.items())}
    return DemoMade(made, len(months), snapshot)


def simulate(*, size: int, seed: int, until: datetime) -> World:
    """Everything that happens, without a lake. The end is cut to whole minutes.

    Raises:
        ValueError: The size is too small, or `until` has no time zone.
    """
    if size < SMALLEST:
        raise ValueError(f"a demo of {size} customers is too small to show anything: at least {SMALLEST}")
    if until.tzinfo is None:
        raise ValueError(f"the end of the demo, {until}, has no time zone: give an aware instant")
    end = until.astimezone(UTC).replace(second=0, microsecond=0)
    world = World(size=size, seed=seed, until=end, months=MONTHS)
    places = countries(world)
    businesses = make_businesses(world, places)
    accounts = make_customers(world, places, businesses)
    asked = make_inquiries(world, accounts)
    make_trade(world, asked, businesses)
    make_activity(world, accounts)
    make_service(world, accounts)
    return world


def _last_midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _require_room(lake: Lake, catalog: Catalog) -> None:
    missing = [
        slug for slug in ("customers", "business", "inquiries", "shipments") if slug not in catalog.modules
    ]
    if missing:
        todo = "Start with an empty home and the pack logistics."
        raise DemoRefused(f"the workspace lacks the modules {', '.join(missing)}", todo)
    found = lake.read(f"SELECT count(*) AS n FROM {table('crm', 'customers')}")["n"][0]
    if found:
        raise DemoRefused(f"there are {found} customers already", "Choose an empty MERGANSER_HOME for it.")


def _write_blobs(folder: Path, blobs: Mapping[str, bytes]) -> None:
    """Each under its SHA-256, whole or not at all."""
    for digest, content in blobs.items():
        place = folder / digest[:2] / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(content)
        os.replace(file.name, place)
