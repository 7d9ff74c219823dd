"""Businesses and customers of the demo, how they are reached and related; with duplicates and dirt, as in life."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from crm_core.demo.people import (
    Country,
    Name,
    as_typed,
    domain_of,
    email_of,
    misspelt,
    phone_as_typed,
)
from crm_core.demo.world import Draft, World, data

SELLERS = ("anna", "ben", "clara")
INDUSTRIES = {
    "machinery": 20, "automotive": 16, "electronics": 14, "retail": 12, "food": 10, "fashion": 8, "furniture": 7,
    "chemicals": 6, "pharma": 5, "services": 4, "carrier": 8, "port": 3,
}  # fmt: skip
_FIRST = ("carrier", "port", "machinery", "automotive")
_SOURCES = {"website": 40, "referral": 20, "trade_fair": 15, "phone": 15, "partner": 10}
_RESERVED_MAIL = ("post.example", "mail.example", "webmail.example")


@dataclass
class Account:
    """A customer with what the rest of the simulation asks about it.

    `activity` is how often it writes and buys, 1 being usual. `bought_at` are the instants of its orders.
    """

    draft: Draft
    country: Country
    name: Name
    business: Draft | None
    activity: float
    imported: bool = False
    bought_at: list[datetime] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The name that people say."""
        return str(self.draft.values["name"])

    @property
    def is_company(self) -> bool:
        """Whether the customer is a company."""
        return bool(self.draft.values["kind"] == "company")


def weights(world: World, accounts: Sequence[Account]) -> list[float]:
    """How much of all that happens is each customer's: by its activity and the time it has been there."""
    whole = (world.until - world.start).total_seconds()
    return [
        account.activity * (0.005 + (world.until - account.draft.created_at).total_seconds() / whole)
        for account in accounts
    ]


def make_businesses(world: World, countries: dict[str, Country]) -> list[Draft]:
    """The registry: 300 businesses for 2,000 customers, most of them there from the beginning."""
    shares = {code: country.weight for code, country in countries.items()}
    made = []
    for index in range(max(6, world.scaled(300))):
        country = countries[world.weighted(shares)]
        industry = _FIRST[index] if index < len(_FIRST) else world.weighted(INDUSTRIES)
        begin = (
            world.start
            if index < len(_FIRST) or world.chance(0.6)
            else world.moment(world.start, world.until)
        )
        made.append(_business(world, country, industry, begin))
    for branch in made[2 :: max(12, len(made) // 25)]:
        parent = world.pick(made)
        if (
            parent is not branch
            and parent.created_at <= branch.created_at
            and "parent_business" not in parent.values
        ):
            branch.values["parent_business"] = parent.id
    return made


def _business(world: World, country: Country, industry: str, when: datetime) -> Draft:
    name, short = country.company(industry)
    domain = domain_of(short)
    partner = industry in ("carrier", "port")
    screened = world.chance(0.06) and not partner
    draft = world.add(
        "business", when, name=name, registry_id=country.registry_id(), vat_id=country.vat_id(),
        domain=domain,
        website=f"https://www.{domain}", email=f"office@{domain}", phone=country.phone(), industry=industry,
        employees=round(world.around(60, 1.2)) + 1, verification="pending",
        revenue=round(world.around(6_000_000, 1.1), -4), revenue__currency=country.currency,
        folder="screening" if screened else "registry",
        status="pending" if screened else "partner" if partner else "prospect",
        team="operations" if partner or screened else "sales",
        owner="david" if partner else world.pick(SELLERS),
        source="registry", **country.address(),
    )  # fmt: skip
    if partner or world.chance(0.8):
        day = world.after(when, 60)
        draft.set(
            day,
            verification="validated",
            validated_on=day.date(),
            **({"status": "cleared"} if screened else {}),
        )
    return draft


def make_customers(world: World, countries: dict[str, Country], businesses: Sequence[Draft]) -> list[Account]:
    """The customers: companies, people at companies and private people, and the same person twice now and then."""
    clients = [b for b in businesses if b.values["industry"] not in ("carrier", "port")]
    companies = [
        _company(world, countries, clients[index % len(clients)], again=index >= len(clients))
        for index in range(world.scaled(380))
    ]
    accounts = list(companies)
    twins = world.scaled(100)
    while len(accounts) < world.size - twins:
        accounts.append(_person(world, countries, world.pick(companies) if world.chance(0.78) else None))
        if accounts[-1].business is None and world.chance(0.15) and len(accounts) < world.size - twins:
            accounts.append(_spouse(world, accounts[-1]))
    people = [account for account in accounts if not account.is_company]
    accounts += [_twin(world, world.pick(people)) for _ in range(max(0, world.size - len(accounts)))]
    _relate(world, accounts, companies)
    return accounts


def _begin(world: World, not_before: datetime) -> tuple[datetime, bool]:
    """When a customer appears: a third were in the old system, the others come month by month."""
    if world.chance(0.35):
        return max(world.start, not_before), True
    return world.moment(max(world.start, not_before), world.until), False


def _company(world: World, countries: dict[str, Country], business: Draft, *, again: bool) -> Account:
    country = countries[business.values["address__country"]]
    when, imported = _begin(world, business.created_at)
    place = (
        country.address()
        if again
        else {k: v for k, v in business.values.items() if k.startswith("address__")}
    )
    name = business.values["name"]
    shown = f"{name}, {place['address__city']}" if again else name
    draft = _customer(
        world, country, when, imported, name=shown, kind="company", company=name, business=business.id,
        company_size=business.values["employees"], website=business.values["website"], **place,
    )  # fmt: skip
    department = Name(world.pick(("Einkauf", "Versand", "Office") if country.code == "DE" else
                                 ("Purchasing", "Shipping", "Office")), "", "")  # fmt: skip
    _reach(world, draft, country, department.first.lower() + f"@{business.values['domain']}", work=True)
    if not imported and business.values["status"] == "prospect":
        business.set(world.after(when, 200), status="client")
    return Account(draft, country, department, business, min(12.0, world.around(1.6, 1.3)), imported)


def _person(world: World, countries: dict[str, Country], employer: Account | None) -> Account:
    shares = {code: country.weight for code, country in countries.items()}
    country = employer.country if employer else countries[world.weighted(shares)]
    when, imported = _begin(world, employer.draft.created_at if employer else world.start)
    name = country.name()
    business = employer.business if employer else None
    values: dict[str, Any] = (
        {"address__city": country.address()["address__city"]} if employer else country.address()
    )
    if employer and business:
        company = str(business.values["name"])
        # The company as they give it: in full, without its legal form, or in lower case.
        given = world.pick((company, company, company.rsplit(" ", 1)[0], company.lower()))
        values |= {
            "company": given,
            "business": business.id,
            "job_title": world.pick(data("phrases")["job_titles"]),
        }
    draft = _customer(
        world, country, when, imported, name=name.full, kind="person", first_name=name.first,
        last_name=name.last,
        gender=name.gender if world.chance(0.7) else None, birthday=_birthday(world), **values,
    )  # fmt: skip
    domain = str(business.values["domain"]) if business else world.pick(_RESERVED_MAIL)
    _reach(world, draft, country, email_of(world, name, domain), work=business is not None)
    return Account(draft, country, name, business, min(8.0, world.around(0.7, 1.1)), imported)


def _spouse(world: World, other: Account) -> Account:
    name = Name(other.country.name().first, other.name.last, world.pick(("female", "male")))
    when = world.moment(other.draft.created_at, world.until)
    values = {k: v for k, v in other.draft.values.items() if k.startswith("address__")}
    draft = _customer(
        world, other.country, when, False, name=name.full, kind="person", first_name=name.first,
        last_name=name.last,
        gender=None, birthday=_birthday(world), **values,
    )  # fmt: skip
    _reach(world, draft, other.country, email_of(world, name, world.pick(_RESERVED_MAIL)), work=False)
    world.link(
        "customers__related", other.draft, draft, type="family", role=world.pick(("Partner", "Sister", "Son"))
    )
    return Account(draft, other.country, name, None, 0.3)


def _twin(world: World, other: Account) -> Account:
    """The same person a second time: another spelling, the same address or number, less known."""
    name = misspelt(world, other.name)
    when = world.moment(other.draft.created_at, world.until)
    known = other.draft.values
    shown = f"{name.last}, {name.first}" if world.chance(0.25) else name.full
    draft = _customer(
        world, other.country, when, False, name=shown, kind="person", first_name=name.first,
        last_name=name.last,
        gender=None, company=known.get("company") if world.chance(0.5) else None,
        address__city=known.get("address__city"),
    )  # fmt: skip
    same_mail = known["email"] if known["email"] and world.chance(0.6) else None
    _reach(world, draft, other.country, same_mail, work=True, phone=None if same_mail else known["phone"])
    return Account(draft, other.country, name, None, other.activity / 2)


def _birthday(world: World) -> date | None:
    if world.chance(0.6):
        return None
    return (world.until - timedelta(days=world.rng.randrange(20 * 365, 70 * 365))).date()


def _customer(world: World, country: Country, when: datetime, imported: bool, **values: Any) -> Draft:
    city = values.get("address__city")
    interests = [*data("phrases")["services"]["en"], "customs", "warehousing"]
    liked = sorted({world.pick(interests) for _ in range(world.rng.randrange(4))})
    owner = world.pick(SELLERS)
    source = "import" if imported else world.weighted(_SOURCES)
    return world.add(
        "customers", when,
        **values,
        external_id=f"K{world.rng.randrange(10_000, 99_999)}-{len(world.all('customers')) + 1}" if imported else None,
        country=country.code if world.chance(0.95) else None,
        city=city if world.chance(0.85) else None,
        language=country.language if world.chance(0.9) else None,
        preferences=liked or None,
        preferred_channel=world.pick(("email", "email", "phone", "whatsapp", None)),
        credit_status="unchecked",
        first_contact=(when - timedelta(days=world.rng.randrange(2500))).date() if imported else when.date(),
        newsletter=None,
        tags=["trade-fair"] if source == "trade_fair" else [],
        owner=owner, workers=[owner], team="sales", source=source,
    )  # fmt: skip


def _reach(
    world: World, draft: Draft, country: Country, email: str | None, *, work: bool, phone: str | None = None
) -> None:
    """The contact points: the primary ones stand on the customer too."""
    phone = phone or (country.phone() if world.chance(0.85) else None)
    draft.values |= {"email": email, "phone": phone}
    label = "work" if work else "home"
    if email:
        _point(world, draft, "email", as_typed(world, email), email, label, primary=True)
    if phone:
        _point(world, draft, "phone", phone_as_typed(world, phone), phone, label, primary=True)
    if world.chance(0.45):
        number = country.phone()
        _point(world, draft, "phone", phone_as_typed(world, number), number, "mobile")
    if world.chance(0.2):
        other = f"{draft.id[-6:]}@{world.pick(_RESERVED_MAIL)}"
        _point(
            world, draft, "email", other, other, "billing" if draft.values["kind"] == "company" else "home"
        )
    if world.chance(0.03):
        _point(
            world, draft, "phone", world.pick(("0170 / 12", "n/a", "+49 0 0", "ask Mrs Weber")), None, "other"
        )
    if world.chance(0.015):
        _point(world, draft, "email", world.pick(("info@", "name at company.example", "none")), None, "other")


def _point(
    world: World,
    owner: Draft,
    kind: str,
    value: str,
    standardised: str | None,
    label: str,
    *,
    primary: bool = False,
) -> None:
    world.add(
        "contact_points", owner.created_at, customer=owner.id, kind=kind, value=value,
        standardised=standardised,
        label=label, primary=primary, invalid=standardised is None, source=owner.values["source"],
    )  # fmt: skip


def _relate(world: World, accounts: Sequence[Account], companies: Sequence[Account]) -> None:
    by_business: dict[str, list[Account]] = {}
    for company in companies:
        if company.business:
            by_business.setdefault(company.business.id, []).append(company)
    for group in by_business.values():
        for branch in group[1:]:
            world.link("customers__related", group[0].draft, branch.draft, type="branch", role=None)
            world.link("customers__related", branch.draft, group[0].draft, type="parent", role=None)
    for account in accounts:
        if not account.is_company and account.business and world.chance(0.8):
            employer = by_business[account.business.id][0]
            role = account.draft.values.get("job_title")
            world.link("customers__related", employer.draft, account.draft, type="employee", role=role)
