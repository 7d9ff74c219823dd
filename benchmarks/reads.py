"""Search as one types, a filtered sorted page with its exact count, and a full profile, among a million customers.

They have two million contact points and ten million related records. The tables are filled by statements, since not
the loader is measured here; they are read through the same functions as the pages', with the serving copy that a
server keeps.
"""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.loads import ADMIN, open_lake
from benchmarks.report import Report, timed, times
from crm_core.definitions import read_catalog
from crm_core.listing import in_folder, read_list
from crm_core.model import parse_condition
from crm_core.profile import read_profile
from crm_core.query import read_page
from lake import Change, Lake, Transaction, table

CUSTOMERS = 1_000_000
RELATED = {"inquiries": 3, "tasks": 2, "communications": 3, "invoices": 2}
"""Module → how many records each customer has on average; customers have between none and many."""
RUNS = 60

_SYSTEM = (
    "now() - INTERVAL (i % 700) DAY AS created_at, now() - INTERVAL (i % 300) DAY AS updated_at, "
    "CAST('{change}' AS UUID) AS change_id, {version} AS version"
)
_CUSTOMER = "CAST(printf('018f0000-0000-7000-8000-%012x', CAST({0} AS BIGINT)) AS UUID)"
_FIRST = "['Anna','Ben','Cora','Dan','Eva','Finn','Gül','Hanna','Ivo','Jana','Karl','Lena'][i % 12 + 1]"
_LAST = "['Müller','Moreau','Huber','Rossi','Visser','Novák','Silva','Olsen','Lind','Weber'][i % 10 + 1]"
_OWN = {
    "customers": f"{_FIRST} || ' ' || {_LAST} || ' ' || i AS name, 'C-' || i AS number, 'person' AS kind, "
    "'c' || i || '@mail.example' AS email, '+4930' || lpad(CAST(i AS VARCHAR), 8, '0') AS phone, "
    "['DE','FR','AT','CH'][i % 4 + 1] AS country, (i % 900) * 10 AS credit_limit, 'EUR' AS credit_limit__currency, "
    "['leads','active','key_accounts','closed'][i % 4 + 1] AS folder",
    "contact_points": "CASE WHEN i % 2 = 0 THEN 'email' ELSE 'phone' END AS kind, CASE WHEN i % 2 = 0 THEN "
    "'c' || i // 2 || '@mail.example' ELSE '+4930' || lpad(CAST(i // 2 AS VARCHAR), 8, '0') END AS value, "
    'value AS standardised, true AS "primary"',
    "inquiries": "'I-' || i AS reference, 'Question ' || i AS subject, ['new','closed'][i % 2 + 1] AS status, "
    "['email','form','phone'][i % 3 + 1] AS channel, 'Could you tell me the price of ' || i AS message",
    "tasks": "'Call about ' || i AS title, ['open','done'][i % 2 + 1] AS status, now() + INTERVAL (i % 30) DAY AS due",
    "communications": "'Re: question ' || i AS subject, 'email' AS channel, ['in','out'][i % 2 + 1] AS direction, "
    "'sent' AS state, 'Thank you for your message ' || i AS text, now() - INTERVAL (i % 700) DAY AS occurred_at",
    "invoices": "'R-' || i AS number, ['open','paid'][i % 2 + 1] AS status, (i % 5000) AS total, "
    "'EUR' AS total__currency",
}


def fill(lake: Lake, *, customers: int = CUSTOMERS) -> None:
    """Write the customers and all that belongs to them, in one commit."""

    def work(tx: Transaction) -> None:
        for module, each in {"customers": 1, "contact_points": 2, **RELATED}.items():
            spread = "i // 2" if module == "contact_points" else f"hash(i) % {customers}"
            ids = _CUSTOMER.format("i") if module == "customers" else "uuidv7()"
            link = "" if module == "customers" else f", {_CUSTOMER.format(spread)} AS customer"
            system = _SYSTEM.format(change=tx.change_id, version=tx.snapshot)
            tx.execute(
                f"INSERT INTO {table('crm', module)} BY NAME SELECT {ids} AS id, {system}, {_OWN[module]}{link} "
                f"FROM range({customers * each}) AS r(i) ORDER BY {'id' if module == 'customers' else 'customer'}"
            )

    lake.commit(work, Change(actor="system", door="system", reason="measuring"))


def run(report: Report, folder: Path, *, customers: int = CUSTOMERS) -> None:
    """Measure each read and note its 95th percentile."""
    folder.mkdir(exist_ok=True)
    with open_lake(folder) as lake:
        fill(lake, customers=customers)
        catalog = read_catalog(lake)
        lake.start_mirror()
        related = sum(RELATED.values()) * customers
        what = f"{customers / 1e6:g}M customers, {related / 1e6:g}M related records"
        made = timed(lambda: read_list(lake, catalog, module="customers", actor=ADMIN))
        if lake.serving() == "lake":
            raise AssertionError("there is no serving copy: the reads measure something else than a server's")
        report.add(f"{what}: the serving copy is made", f"{made:.0f} s")
        draw = random.Random(7)
        numbers = [draw.randrange(customers) for _ in range(RUNS + 2)]
        words = [f"müller {number}" for number in numbers]

        def search(number: int) -> None:
            word = words[number][: 3 + number % 8]
            read_list(lake, catalog, module="customers", actor=ADMIN, words=word, limit=50)

        def page(number: int) -> None:
            condition = parse_condition(
                {"all": [{"field": "country", "op": "eq", "value": "DE"},
                         {"field": "credit_limit", "op": "gt", "value": numbers[number] % 9000}]}
            )  # fmt: skip
            read_page(
                lake,
                catalog,
                module="customers",
                actor=ADMIN,
                condition=condition,
                sort=("-credit_limit",),
                limit=50,
            )

        def profile(number: int) -> None:
            key = f"018f0000-0000-7000-8000-{numbers[number]:012x}"
            read_profile(lake, catalog, module="customers", record_id=key, actor=ADMIN)

        def folder_list(number: int) -> None:
            read_list(
                lake,
                catalog,
                module="customers",
                actor=ADMIN,
                condition=in_folder("active"),
                offset=50 * number,
            )

        report.p95(f"{what}: search as one types", times(search, runs=RUNS), at_most_ms=150)
        report.p95(
            f"{what}: a filtered, sorted page with its exact count", times(page, runs=RUNS), at_most_ms=150
        )
        report.p95(f"{what}: a page of a folder in the list", times(folder_list, runs=RUNS), at_most_ms=150)
        report.p95(f"{what}: one full profile", times(profile, runs=RUNS), at_most_ms=150)
