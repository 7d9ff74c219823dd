"""Texts and what is written as text: addresses of mail and web, phones, countries, choices, users."""

from collections.abc import Mapping, Sequence

from sqlglot import exp

from crm_core.model import Option
from crm_core.model.fields import (
    AutoNumberField,
    CountryField,
    EmailField,
    LongTextField,
    PhoneField,
    SelectField,
    TextField,
    UrlField,
    UserField,
)
from crm_core.values.fragments import case, literal, literals, sql
from crm_core.values.phone_plan import plain_numbers
from crm_core.values.steps import Context, Lookup, Steps, cleaned, holds_nul, parsed, unreadable

_ATOM = "[A-Za-z0-9À-ÖØ-öø-ž!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = (
    rf"{_ATOM}([.]{_ATOM})*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])+[A-Za-z]{2,}"
)
"""Plain addresses, Latin letters with their accents included; short ones of ordinary domains the library takes as they
are but for the domain's case."""

_SHORT = 60
_SPECIAL = ("arpa", "invalid", "local", "localhost", "onion", "test")
_WEB = r"(?i)https?://[^\s/?#@:]+(:[0-9]{1,5})?([/?#]\S*)?"
_BARE_WEB = r"(?i)([a-z0-9-]{1,63}[.])+[a-z]{2,24}(:[0-9]{1,5})?([/?#]\S*)?"
_LONGEST_LINE = 2000
LONGEST_ITEM = 200


def text(ctx: Context, field: TextField | LongTextField | AutoNumberField, steps: Steps) -> None:
    """Text of a limited length, in a form where the field has a pattern."""
    name = field.slug
    longest = field.max_length if isinstance(field, (TextField, LongTextField)) else LONGEST_ITEM
    plain_text(ctx, name, steps, longest)
    if isinstance(field, TextField) and field.pattern:
        form = ctx.params.bind(field.pattern)
        steps.codes.append((sql("NOT regexp_full_match($v, $form)", v=parsed(name), form=form), "pattern"))


def plain_text(ctx: Context, name: str, steps: Steps, longest: int) -> None:
    """A column of text as it is, without outer space."""
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = cleaned(name)
    steps.codes.append((holds_nul(name), "nul_character"))
    _at_most(name, longest, steps)


def _at_most(name: str, longest: int, steps: Steps) -> None:
    steps.codes.append((sql("length($t) > $n", t=cleaned(name), n=exp.Literal.number(longest)), "length"))


def email(ctx: Context, field: EmailField, steps: Steps) -> None:
    """Addresses in their normal form."""
    name = field.slug
    if ctx.few:
        _standard(ctx, name, steps, Lookup("email", "", f"{name}__t"))
        return
    shortcut = sql(
        "CASE WHEN strlen($t) <= $short AND regexp_full_match($t, $plain) AND NOT contains($t, '--') "
        "AND NOT list_contains($special, lower(split_part($t, '.', -1))) "
        "THEN CASE WHEN $t = lower($t) THEN $t "
        "ELSE concat(split_part($t, '@', 1), '@', lower(split_part($t, '@', 2))) END END",
        t=cleaned(name),
        short=exp.Literal.number(_SHORT),
        plain=literal(_ADDRESS),
        special=literals(_SPECIAL),
    )
    _standard(ctx, name, steps, Lookup("email", "", f"{name}__t", shortcut))


def phone(ctx: Context, field: PhoneField, steps: Steps) -> None:
    """Numbers as E.164."""
    name, region = field.slug, field.region or ctx.reading.country
    if ctx.few:
        _standard(ctx, name, steps, Lookup("phone", region, f"{name}__t"))
        return
    plain = plain_numbers(region)
    bare = f"{name}__bare"
    steps.clean[bare] = sql("regexp_replace($x, '[\\s().\\-/]', '', 'g')", x=ctx.as_text(name))
    here = cleaned(bare)
    ways = [(sql("regexp_full_match($b, $form)", b=here, form=literal(plain.international)), here)]
    if plain.national:
        at_home = sql(
            "regexp_full_match($b, $form) AND NOT regexp_full_match($b, $other)",
            b=here,
            form=literal(plain.national),
            other=literal(plain.not_national),
        )
        ways.append((at_home, sql("concat('+', $code, substr($b, 2))", b=here, code=literal(plain.code))))
    if plain.abroad:
        from_home = sql("regexp_full_match($b, $form)", b=here, form=literal(plain.abroad))
        ways.append((from_home, sql("concat('+', substr($b, 3))", b=here)))
    # A bracketed zero, as in +49 (0)30, is the library's.
    shortcut = sql("CASE WHEN NOT contains($t, '(0') THEN $number END", t=cleaned(name), number=case(ways))
    _standard(ctx, name, steps, Lookup("phone", region, f"{name}__t", shortcut))


def country(ctx: Context, field: CountryField, steps: Steps) -> None:
    """Countries as alpha-2 codes."""
    _standard(ctx, field.slug, steps, Lookup("country", "", f"{field.slug}__t"))


def _standard(ctx: Context, name: str, steps: Steps, lookup: Lookup) -> None:
    steps.clean[name] = ctx.text(name)
    steps.lookups[name] = lookup
    steps.codes.append((unreadable(name), "type"))


def url(ctx: Context, field: UrlField, steps: Steps) -> None:
    """Web addresses; a bare host is taken as https."""
    name = field.slug
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = sql(
        "CASE WHEN regexp_full_match($t, $web) THEN $t "
        "WHEN regexp_full_match($t, $bare) THEN concat('https://', $t) END",
        t=cleaned(name), web=literal(_WEB), bare=literal(_BARE_WEB),
    )  # fmt: skip
    _at_most(name, _LONGEST_LINE, steps)
    steps.codes.append((unreadable(name), "type"))


def select(ctx: Context, field: SelectField, steps: Steps) -> None:
    """One of the options, by value or label, whatever the case; any text when there are none."""
    name = field.slug
    if not field.options:
        plain_text(ctx, name, steps, LONGEST_ITEM)
        return
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = choose(ctx, cleaned(name), choices(field.options))
    steps.codes.append((unreadable(name), "option"))


def user(ctx: Context, field: UserField, steps: Steps) -> None:
    """An active user by slug, address or name; the directory is bound when the statement runs."""
    name = field.slug
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = choose_user(cleaned(name))
    steps.codes.append((unreadable(name), "type"))


def choose_user(text: exp.Expr) -> exp.Expr:
    """The slug of the active user of that slug, address or name, else NULL."""
    # Without anybody active both lists are empty, and an empty list has no type of its own.
    return sql(
        "list_extract(CAST($user_slugs AS VARCHAR[]), list_position(CAST($user_names AS VARCHAR[]), lower($t)))",
        t=text,
    )


def choices(options: Sequence[Option]) -> dict[str, str]:
    """Value and label in lower case → value; a value wins over the label of another."""
    labels = {option.text.lower(): option.value for option in options}
    return labels | {option.value.lower(): option.value for option in options}


def choose(ctx: Context, text: exp.Expr, named: Mapping[str, str]) -> exp.Expr:
    """The value that a text names: a value as it is, else by its name in lower case, else NULL."""
    return sql(
        "CASE WHEN list_contains($values, $t) THEN $t "
        "ELSE list_extract($values, list_position($names, lower($t))) END",
        t=text, values=ctx.words(list(named.values())), names=ctx.words(list(named)),
    )  # fmt: skip
