"""What a column of a file can bring to a module: its fields, their parts, references, and system columns."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from crm_core.model import Catalog, Reference, Relationship
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.fields import ADDRESS_PARTS, AddressField, Field, MoneyField
from crm_core.values.plan import writable

Role = Literal["value", "part", "currency", "reference", "which", "id"]

# Headers in English, German, French and Spanish for what every module has, or every address.
_ADDRESS_WORDS: dict[str, tuple[str, ...]] = {
    "street": ("street", "street address", "address line 1", "address 1", "straße", "strasse nr", "straße hausnummer",
               "rue", "adresse 1", "calle", "dirección 1"),
    "postal_code": ("zip", "zip code", "postcode", "post code", "postal code", "plz", "postleitzahl", "code postal",
                    "cp", "código postal"),
    "city": ("city", "town", "stadt", "ort", "wohnort", "ville", "commune", "ciudad", "localidad", "población"),
    "region": ("region", "state", "province", "county", "bundesland", "kanton", "région", "département", "provincia"),
    "country": ("country", "country code", "land", "pays", "país"),
}  # fmt: skip
_SYSTEM_WORDS: dict[str, tuple[str, ...]] = {
    "owner": ("account owner", "besitzer", "verantwortlicher", "betreuer", "propriétaire", "propietario"),
    "workers": ("bearbeiter", "intervenants"),
    "team": ("équipe", "equipo"),
    "folder": ("ordner", "dossier", "carpeta"),
    "status": ("stage", "stand", "zustand", "statut", "estado"),
    "tags": ("labels", "keywords", "schlagworte", "étiquettes", "mots clés", "etiquetas"),
    "created_at": ("created", "created on", "creation date", "date created", "angelegt am", "erstellt am", "erfasst am",
                   "créé le", "date de création", "creado el", "fecha de creación"),
}  # fmt: skip
SHARED_CURRENCY = "currency"
"""How a contract names a column with the currency of every amount of a row that has none of its own."""
_CURRENCY_WORDS = ("currency", "währung", "devise", "monnaie", "moneda", "divisa")
_ID_WORDS = ("id", "record id", "uuid")
_KEY_WORDS = ("id", "key", "nr", "no", "number", "code", "nummer", "numéro", "número")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that a column can bring.

    Attributes:
        path: how a contract names it.
        column: the staged column that takes the text.
        slug: the field or reference that it belongs to.
        names: headers by which it is known, the best first; for each how sure that is, up to 100.
        by_field: for a reference, the field of the other module that the text is; any key when empty.
    """

    path: str
    column: str
    slug: str
    role: Role
    field: Field | Reference | None
    names: tuple[tuple[str, int], ...] = ()
    by_field: str = ""


@dataclass(frozen=True)
class Place:
    """Where a load goes: a module, or the link table of a many-to-many."""

    catalog: Catalog
    module: str
    relationship: Relationship | None = None

    @property
    def table(self) -> str:
        """The table's name in schema `crm`."""
        return self.relationship.link_table if self.relationship else self.module

    @property
    def name(self) -> str:
        """The name under which a load goes there: `customers`, or `shipments.parties`."""
        return self.relationship.key if self.relationship else self.module

    def targets(self) -> dict[str, Target]:
        """Path → everything that a column can bring here."""
        found = _of_link(self.relationship) if self.relationship else _of_module(self.catalog, self.module)
        return {target.path: target for target in found}

    def target(self, path: str) -> Target | None:
        """The target of a path; a reference may name the other module's key, as in `customer.external_id`."""
        targets = self.targets()
        if path in targets:
            return targets[path]
        by_column = next((one for one in targets.values() if one.column == path), None)
        if by_column is not None:
            return by_column
        slug, _, by_field = path.partition(".")
        base = targets.get(slug)
        if base is None or base.role != "reference" or not by_field:
            return None
        modules = base.field.targets if isinstance(base.field, Reference) else ()
        known = [self.catalog.modules[one].field(by_field) for one in modules if one in self.catalog.modules]
        if by_field != "id" and not any(known):
            return None
        return Target(
            path=path,
            column=base.column,
            slug=base.slug,
            role="reference",
            field=base.field,
            by_field=by_field,
        )


_RECORD = Target(
    path="id",
    column="_id_given",
    slug="id",
    role="id",
    field=None,
    names=tuple((word, 93) for word in _ID_WORDS),
)
"""The record itself, by its id."""


def place_of(catalog: Catalog, name: str) -> Place:
    """The module or relationship of a name: `customers`, `shipments.parties`, `shipments__parties`.

    Raises:
        UnknownModule: there is neither.
    """
    for rel in catalog.link_relationships:
        if name in (rel.key, rel.link_table):
            return Place(catalog, rel.module, rel)
    return Place(catalog, catalog.module(name).slug)


def fold(text: str) -> str:
    """A header as it is compared: lower case, without accents and punctuation, words apart."""
    apart = _CAMEL.sub(" ", text.strip())
    plain = unicodedata.normalize("NFKD", apart.replace("ß", "ss"))
    letters = "".join(char for char in plain if not unicodedata.combining(char)).casefold()
    return " ".join(re.sub(r"[^0-9a-z]+", " ", letters).split()) or letters.strip()


def _of_module(catalog: Catalog, module: str) -> list[Target]:
    own = catalog.module(module)
    found: list[Target] = []
    only_money = [field.slug for field in own.fields if isinstance(field, MoneyField)]
    for slug, field in writable(catalog, module).items():
        if isinstance(field, Reference):
            found += _of_reference(catalog, field)
            continue
        names = _names(field, more=_SYSTEM_WORDS.get(slug, ()) if slug in SYSTEM_COLUMNS else ())
        if slug == "external_id":
            names = (*names, ("id", 94))
        found.append(_plain(slug, field, names))
        if isinstance(field, AddressField):
            found += [_address_part(field, part) for part in ADDRESS_PARTS]
        if isinstance(field, MoneyField):
            found.append(_currency(field, plain=only_money == [slug]))
    if len(only_money) > 1 and all(one.path != SHARED_CURRENCY for one in found):
        words = tuple((word, 94) for word in _CURRENCY_WORDS)
        found.append(
            Target(path=SHARED_CURRENCY, column="_currency_given", slug="_currency", role="currency", field=None,
                   names=words)
        )  # fmt: skip
    return [*found, _RECORD]


def _of_link(rel: Relationship) -> list[Target]:
    """A link's two sides and its own fields; the sides are references to the two modules."""
    far = "to" if rel.to[0] == rel.module else rel.to[0]
    sides = (("from_id", rel.module, (rel.module, "from")), ("to_id", rel.to[0], (far, rel.slug, "to")))
    found = []
    for column, module, words in sides:
        side = Reference(rel.link_table, column, (module,), rel, module.replace("_", " "), required=True)
        stems = dict.fromkeys([column, *words, *[word.removesuffix("s") for word in words]])
        if module == "business":
            stems |= dict.fromkeys(["company"])
        names = [(stem, 100) for stem in stems]
        names += [(f"{stem} {word}", 96) for stem in stems for word in _KEY_WORDS]
        path = column.removesuffix("_id")
        found.append(
            Target(path=path, column=column, slug=column, role="reference", field=side, names=tuple(names))
        )
    found += [_plain(field.slug, field, _names(field)) for field in rel.fields]
    return [*found, _RECORD]


def _of_reference(catalog: Catalog, reference: Reference) -> list[Target]:
    names = [(reference.slug, 100), (reference.label, 97)]
    names += [(word, 95) for word in reference.relationship.synonyms]
    names += [(f"{reference.slug} {word}", 94) for word in _KEY_WORDS]
    if not reference.polymorphic and reference.targets[0] in catalog.modules:
        target = catalog.modules[reference.targets[0]]
        keys = [field.slug for field in target.fields if field.unique or field.kind == "auto_number"]
        names += [
            (f"{stem} {key}", 94) for key in keys for stem in dict.fromkeys([reference.slug, target.one])
        ]
    found = [
        Target(
            path=reference.slug,
            column=reference.slug,
            slug=reference.slug,
            role="reference",
            field=reference,
            names=tuple(names),
        )
    ]
    if reference.polymorphic:
        which = tuple((f"{reference.slug} {word}", 97) for word in ("module", "type", "kind", "art", "typ"))
        found.append(
            Target(
                path=f"{reference.slug}.module",
                column=reference.module_column,
                slug=reference.slug,
                role="which",
                field=reference,
                names=((reference.module_column, 100), *which),
            )
        )
    return found


def _plain(slug: str, field: Field, names: tuple[tuple[str, int], ...]) -> Target:
    """A field that one column brings as it is."""
    return Target(path=slug, column=slug, slug=slug, role="value", field=field, names=names)


def _names(field: Field, *, more: tuple[str, ...] = ()) -> tuple[tuple[str, int], ...]:
    words = [(field.slug, 100), (field.label or field.slug, 97)]
    return (*words, *((word, 95) for word in (*field.synonyms, *more)))


def _address_part(field: AddressField, part: str) -> Target:
    own = [(f"{field.slug} {part}", 100), (f"{field.name} {part}", 98)]
    words = [(word, 90) for word in _ADDRESS_WORDS[part]]
    words += [(f"{field.name} {word}", 92) for word in _ADDRESS_WORDS[part]]
    column = f"{field.slug}__{part}"
    return Target(
        path=f"{field.slug}.{part}",
        column=column,
        slug=field.slug,
        role="part",
        field=field,
        names=((column, 100), *own, *words),
    )


def _currency(field: MoneyField, *, plain: bool) -> Target:
    names = [(f"{field.slug}__currency", 100)]
    for stem in dict.fromkeys([field.slug, field.name, *field.synonyms]):
        names += [(f"{stem} {word}", 96) for word in _CURRENCY_WORDS]
    if plain:
        names += [(word, 94) for word in _CURRENCY_WORDS]
    return Target(
        path=f"{field.slug}.currency",
        column=f"{field.slug}__currency",
        slug=field.slug,
        role="currency",
        field=field,
        names=tuple(names),
    )
