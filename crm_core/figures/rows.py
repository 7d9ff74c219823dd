"""The records that stand below the figures of a section, in the order in which a person wants to see them.

Each function gives the first 200 rows as they are stored, with a few columns that are worked out (`open`, `balance`).
"""

from crm_core.figures.reading import Asked, Row, Shape, among, chosen, listed

MONEY = "DECIMAL(38, 9)"
PLACE = {"status": "VARCHAR", "folder": "VARCHAR"}
STEPS = "checklist_steps"


def _closed_last(asked: Asked, module: str) -> str:
    return f"CASE WHEN {among('f.status', asked.closed(module))} THEN 1 ELSE 0 END"


def _rows(asked: Asked, module: str, columns: dict[str, str], shape: Shape, through: str = "") -> list[Row]:
    key = f"rows:{module}:{through}"
    return asked.rows(asked.links(module), columns, shape, key=key, through=through)


def tasks(asked: Asked) -> list[Row]:
    """Open tasks by due date, then closed ones."""
    columns = {
        "title": "VARCHAR",
        "due": "TIMESTAMPTZ",
        "owner": "VARCHAR",
        "created_at": "TIMESTAMPTZ",
        **PLACE,
    }
    order = (_closed_last(asked, "tasks"), "f.due NULLS LAST", "f.created_at DESC")
    return _rows(asked, "tasks", columns, listed(*order))


def invoices(asked: Asked) -> list[Row]:
    """Open invoices by due date, then the others; `open` is what is to be paid, `late` whether it is overdue."""
    columns = {"number": "VARCHAR", "due_on": "DATE", "total": MONEY, "total__currency": "VARCHAR", "paid": MONEY,
               **PLACE}  # fmt: skip
    settled = f"(f.total IS NULL OR {among('f.status', ('draft', 'cancelled', 'paid'))})"
    open_ = f"(CASE WHEN {settled} THEN 0 ELSE f.total - coalesce(f.paid, 0) END)"
    late = f"coalesce({open_} > 0 AND f.due_on < f.today_, false)"
    first = f"CASE WHEN {open_} > 0 THEN 0 ELSE 1 END"
    return _rows(
        asked, "invoices", columns,
        lambda found: chosen(["f.*", f"{open_} AS open", f"{late} AS late"], found)
        .order_by(first, "f.due_on NULLS LAST", "f.id DESC").limit(200),
    )  # fmt: skip


def payments(asked: Asked) -> list[Row]:
    """Payments, the newest first."""
    columns = {"reference": "VARCHAR", "amount": MONEY, "amount__currency": "VARCHAR", "method": "VARCHAR",
               "paid_at": "TIMESTAMPTZ", **PLACE}  # fmt: skip
    return _rows(asked, "payments", columns, listed("f.paid_at DESC NULLS FIRST", "f.id DESC"))


def deals(asked: Asked) -> list[Row]:
    """Open deals by when they are expected to close, then closed ones."""
    columns = {"title": "VARCHAR", "amount": MONEY, "amount__currency": "VARCHAR", "probability": "BIGINT",
               "expected_close": "DATE", "created_at": "TIMESTAMPTZ", **PLACE}  # fmt: skip
    order = (_closed_last(asked, "deals"), "f.expected_close NULLS LAST", "f.created_at DESC")
    return _rows(asked, "deals", columns, listed(*order))


def orders(asked: Asked) -> list[Row]:
    """Orders, the newest first."""
    columns = {
        "number": "VARCHAR",
        "total": MONEY,
        "total__currency": "VARCHAR",
        "ordered_at": "TIMESTAMPTZ",
        **PLACE,
    }
    return _rows(asked, "orders", columns, listed("f.ordered_at DESC NULLS LAST", "f.id DESC"))


def returns(asked: Asked) -> list[Row]:
    """What came back of the orders, the newest first, whoever a return names as its customer."""
    if asked.catalog.modules.get("returns") is None or asked.catalog.reference("returns", "order") is None:
        return []
    columns = {"number": "VARCHAR", "refund": MONEY, "refund__currency": "VARCHAR", "returned_at": "TIMESTAMPTZ",
               **PLACE}  # fmt: skip
    order = ("f.returned_at DESC NULLS FIRST", "f.id DESC")
    return _rows(asked, "orders", columns, listed(*order), through="returns.order")


def shipments(asked: Asked) -> list[Row]:
    """Shipments under way, then those that arrived, each by when they were booked."""
    columns = {
        "number": "VARCHAR",
        "route": "VARCHAR",
        "booked_at": "TIMESTAMPTZ",
        "arrives_on": "DATE",
        **PLACE,
    }
    order = (_closed_last(asked, "shipments"), "f.booked_at DESC NULLS LAST", "f.id DESC")
    return _rows(asked, "shipments", columns, listed(*order))


def checklists(asked: Asked) -> list[Row]:
    """Checklists, the newest first."""
    columns = {"title": "VARCHAR", "required_for": "VARCHAR", "created_at": "TIMESTAMPTZ"}
    return _rows(asked, "checklists", columns, listed("f.created_at DESC", "f.id DESC"))


def steps(asked: Asked) -> list[Row]:
    """The steps of the checklists in their order."""
    if asked.catalog.modules.get(STEPS) is None or asked.catalog.reference(STEPS, "checklist") is None:
        return []
    columns = {"title": "VARCHAR", "checklist": "VARCHAR", "place": "BIGINT", "done": "BOOLEAN",
               "done_at": "TIMESTAMPTZ", "done_by": "VARCHAR"}  # fmt: skip
    order = ("f.checklist", "f.place", "f.id")
    return _rows(asked, "checklists", columns, listed(*order, most=1000), through=f"{STEPS}.checklist")


def time_entries(asked: Asked) -> list[Row]:
    """Timers that run, then entries, the newest first."""
    columns = {"title": "VARCHAR", "started_at": "TIMESTAMPTZ", "ended_at": "TIMESTAMPTZ", "billable": "BOOLEAN",
               "owner": "VARCHAR"}  # fmt: skip
    order = ("CASE WHEN f.ended_at IS NULL THEN 0 ELSE 1 END", "f.started_at DESC", "f.id DESC")
    return _rows(asked, "time_entries", columns, listed(*order))


def subscriptions(asked: Asked) -> list[Row]:
    """Subscriptions by when they bill next, then cancelled ones."""
    columns = {"plan": "VARCHAR", "price": MONEY, "price__currency": "VARCHAR", "cycle": "VARCHAR",
               "next_billing_on": "DATE", **PLACE}  # fmt: skip
    order = (_closed_last(asked, "subscriptions"), "f.next_billing_on NULLS LAST", "f.id DESC")
    return _rows(asked, "subscriptions", columns, listed(*order))


def reservations(asked: Asked) -> list[Row]:
    """Reservations that lie ahead, the next first, then the others, the newest first."""
    columns = {"what": "VARCHAR", "starts_at": "TIMESTAMPTZ", "ends_at": "TIMESTAMPTZ", "people": "BIGINT",
               "resource": "VARCHAR", **PLACE}  # fmt: skip
    ahead = f"f.ends_at >= f.now_ AND NOT {among('f.status', asked.closed('reservations'))}"
    order = (f"CASE WHEN {ahead} THEN 0 ELSE 1 END", f"CASE WHEN {ahead} THEN f.starts_at END")
    return _rows(asked, "reservations", columns, listed(*order, "f.starts_at DESC", "f.id DESC"))


def loyalty_entries(asked: Asked) -> list[Row]:
    """Entries of points, the newest first; `balance` is the sum after each."""
    columns = {
        "reason": "VARCHAR",
        "points": "BIGINT",
        "occurred_at": "TIMESTAMPTZ",
        "created_at": "TIMESTAMPTZ",
    }
    when = "coalesce(f.occurred_at, f.created_at)"
    balance = f"CAST(sum(f.points) OVER (ORDER BY {when}, f.id) AS BIGINT) AS balance"
    return _rows(
        asked, "loyalty_entries", columns,
        lambda found: chosen(["f.*", balance], found).order_by(f"{when} DESC", "f.id DESC").limit(200),
    )  # fmt: skip


def policies(asked: Asked) -> list[Row]:
    """Policies, those that ended last."""
    columns = {"number": "VARCHAR", "insurer": "VARCHAR", "coverage": MONEY, "coverage__currency": "VARCHAR",
               "valid_until": "DATE", **PLACE}  # fmt: skip
    order = (_closed_last(asked, "policies"), "f.valid_until NULLS LAST", "f.id")
    return _rows(asked, "policies", columns, listed(*order))


def claims(asked: Asked) -> list[Row]:
    """Open claims, then decided ones, each by when it happened."""
    columns = {
        "title": "VARCHAR",
        "amount": MONEY,
        "amount__currency": "VARCHAR",
        "occurred_on": "DATE",
        **PLACE,
    }
    order = (_closed_last(asked, "claims"), "f.occurred_on DESC NULLS LAST", "f.id")
    return _rows(asked, "claims", columns, listed(*order))
