"""Names, addresses, telephone numbers and companies of the demo, country by country."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers
from mimesis import Address, Locale, Person
from mimesis.enums import Gender

from crm_core.demo.world import World, data

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "ı": "i", "æ": "ae", "đ": "d", "å": "a", "ä": "ae",
                          "ö": "oe", "ü": "ue"})  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A person's name and gender."""

    first: str
    last: str
    gender: str

    @property
    def full(self) -> str:
        """First name and last name."""
        return f"{self.first} {self.last}"


class Country:
    """One country's people and companies, drawn from the world's chance."""

    def __init__(self, world: World, facts: Mapping[str, Any]) -> None:
        self.code = str(facts["code"])
        self.language = str(facts["language"])
        self.currency = str(facts["currency"])
        self.weight = int(facts["weight"])
        self._facts = facts
        self._world = world
        locale = Locale(facts["locale"])
        self._person = Person(locale, seed=world.rng.getrandbits(32))
        self._address = Address(locale, seed=world.rng.getrandbits(32))

    def name(self) -> Name:
        """Somebody's name."""
        world, gender = self._world, self._world.pick(("female", "male"))
        if "given" in self._facts:
            return Name(world.pick(self._facts["given"]), world.pick(self._facts["family"]), gender)
        known = Gender.FEMALE if gender == "female" else Gender.MALE
        first, last = self._person.first_name(gender=known), self._person.last_name(gender=known)
        return Name(_as_written(first), _as_written(last), gender)

    def address(self, field: str = "address") -> dict[str, str]:
        """The columns of an address field."""
        street = f"{self._address.street_name()} {self._world.rng.randrange(1, 180)}"
        return {
            f"{field}__street": street,
            f"{field}__postal_code": self._address.postal_code(),
            f"{field}__city": self._address.city(),
            f"{field}__country": self.code,
        }

    def phone(self) -> str:
        """A telephone number in E.164 that nobody has had so far."""
        for _ in range(100):
            number = self._world.digits(self._world.pick(self._facts["phones"]))
            if phonenumbers.is_valid_number(phonenumbers.parse(number)) and self._world.unique(number):
                return number
        return number

    def company(self, industry: str) -> tuple[str, str]:
        """A company's name that nobody has had so far, with its legal form and without."""
        trade, form = self._facts["trades"][industry], self._world.pick(self._facts["forms"])
        for _ in range(50):
            family = self.name().last
            partners = f"{family} & {self.name().last} {trade}"
            name = self._world.pick((f"{family} {trade}", f"{trade} {family}", partners))
            if self._world.unique(slug(name)):
                break
        return f"{name} {form}", name

    def registry_id(self) -> str:
        """A number in the register of companies."""
        for _ in range(50):
            number = f"{self.code} {self._world.digits(self._facts['registry'])}"
            if self._world.unique(number):
                break
        return number

    def vat_id(self) -> str | None:
        """A VAT number, where there is VAT."""
        pattern = self._facts["vat"]
        return self._world.digits(pattern) if pattern else None


def countries(world: World) -> dict[str, Country]:
    """The countries of the demo by their code."""
    return {facts["code"]: Country(world, facts) for facts in data("countries")}


def _as_written(name: str) -> str:
    """A name without a fault of the data set: some Danish ones are UTF-8 that was read as another charset."""
    try:
        return name.encode("cp1252").decode()
    except UnicodeError:
        return name


def slug(text: str) -> str:
    """A text as it stands in an address: lower case letters and digits, with dashes between."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def domain_of(company: str) -> str:
    """The internet domain of a company; it ends in `.example`, which nobody can have."""
    return f"{slug(company)[:50].strip('-')}.example"


def email_of(world: World, name: Name, domain: str) -> str:
    """An e-mail address in lower case that nobody has had so far."""
    first, last = slug(name.first) or "info", slug(name.last) or "office"
    patterns = (f"{first}.{last}", f"{first[0]}.{last}", f"{last}", f"{first}")
    for pattern in patterns[world.rng.randrange(2) :]:
        if world.unique(f"{pattern}@{domain}"):
            return f"{pattern}@{domain}"
    number = world.rng.randrange(10, 9_999_999)
    return f"{first}.{last}{number}@{domain}"


def misspelt(world: World, name: Name) -> Name:
    """The same person as somebody else would write the name."""
    last, first = name.last, name.first
    way = world.rng.randrange(5)
    if way == 0 and len(last) > 3:
        spot = world.rng.randrange(1, len(last) - 1)
        last = last[: spot - 1] + last[spot] + last[spot - 1] + last[spot + 1 :]
    elif way == 1 and len(last) > 3:
        spot = world.rng.randrange(1, len(last))
        last = last[:spot] + last[spot - 1] + last[spot:]
    elif way == 2:
        first = f"{first[0]}."
    elif way == 3:
        first, last = first.upper(), last.upper()
    else:
        last = last.translate(_LETTERS) if last.translate(_LETTERS) != last else f"{last} "
    return Name(first, last.strip(), name.gender)


def as_typed(world: World, email: str) -> str:
    """An address as people type it: sometimes in mixed case."""
    if not world.chance(0.12):
        return email
    local, _, domain = email.partition("@")
    return world.pick((f"{local.title()}@{domain}", email.upper(), f"{local}@{domain.title()}"))


def phone_as_typed(world: World, number: str) -> str:
    """A number as people write it: E.164, with spaces, or as it is dialled at home."""
    parsed = phonenumbers.parse(number)
    shapes = phonenumbers.PhoneNumberFormat
    shape = world.pick((shapes.E164, shapes.INTERNATIONAL, shapes.INTERNATIONAL, shapes.NATIONAL))
    return str(phonenumbers.format_number(parsed, shape))
