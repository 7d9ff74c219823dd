"""What all messages share: their words, their record, and what the address said to their purpose."""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from crm_core.availability import compared
from crm_core.conditions import Scope
from crm_core.model import Catalog
from crm_core.trees import coalesce, column, function, lake_table
from flows.actions.base import Insert, StepContext
from flows.actions.create_record import about_record
from flows.checks import Checks
from flows.consent import CHANNELS, GRANTED, REFUSED
from flows.values import Columns

COMMUNICATIONS = "communications"
PURPOSE = r"^[a-z][a-z0-9_-]{0,39}$"
_NEEDED = ("channel", "direction", "state", "to", "text")


def check_module(checks: Checks, key: str, needed: tuple[str, ...] = ()) -> Iterator[str]:
    """What the workspace lacks for messages."""
    if COMMUNICATIONS not in checks.catalog.modules:
        yield f"{key} needs the module “communications”, which this workspace does not have"
        return
    known = checks.catalog.columns(COMMUNICATIONS)
    missing = [name for name in (*_NEEDED, *needed) if name not in known]
    if missing:
        yield f"{key} needs the fields {', '.join(missing)} of communications"


def check_template_of(checks: Checks, slug: str) -> str | None:
    """What is wrong with a template that is named; None when it can be used."""
    found = checks.catalog.templates.get(slug)
    if found is None:
        known = ", ".join(sorted(checks.catalog.templates)) or "none"
        return f"there is no template “{slug}”; there are {known}"
    if found.module != checks.module:
        return f"the template {slug} is for {found.module}, not for {checks.module}"
    return None


def message_row(
    context: StepContext,
    *,
    channel: str,
    purpose: str,
    recipient: exp.Expr,
    consent: exp.Expr,
    words: Mapping[str, exp.Expr],
    skip: tuple[tuple[str, exp.Expr], ...],
) -> Insert:
    """The record of a message: linked to what set it off, with the consent that was seen."""
    bind = context.scope.relations.params.bind
    known = context.catalog.columns(COMMUNICATIONS)
    row = {
        "channel": bind(channel),
        "direction": bind("out"),
        "state": bind("queued"),
        "to": recipient,
        **words,
        "purpose": bind(purpose),
        "consent": coalesce(consent, bind("none")),
        "occurred_at": context.occurred_at,
    }
    links = about_record(context, COMMUNICATIONS, {})
    columns = Columns({name: tree for name, tree in {**links.set, **row}.items() if name in known})
    return Insert(COMMUNICATIONS, columns, skip=skip)


def without_consent(catalog: Catalog, purpose: str, consent: exp.Expr) -> exp.Expr:
    """True where what was said forbids a message of the purpose."""
    state = coalesce(consent.copy(), exp.Literal.string(""))
    if catalog.workspace.purpose(purpose).basis == "no_objection":
        return state.isin(*[exp.Literal.string(word) for word in REFUSED])
    return state.neq(exp.Literal.string(GRANTED))


def latest_consent(recipient: exp.Expr, *, channel: str, purpose: str, scope: Scope) -> exp.Expr:
    """What the address last said to messages of this purpose, as of the snapshot that is read; NULL for nothing."""
    bind, asked = scope.relations.params.bind, "consent"
    same = compared(column("address", asked), channel).eq(compared(recipient.copy(), channel))
    # The later of two at one instant is the one with the later id.
    moment = exp.Tuple(expressions=[column("occurred_at", asked), column("id", asked)])
    latest = function("arg_max", column("state", asked), moment)
    heard = [exp.Literal.string(one) for one in CHANNELS[channel]]
    return (
        exp.select(latest)
        .from_(lake_table("consents", schema="access", alias=asked, at=scope.relations.at))
        .where(same)
        .where(column("channel", asked).isin(*heard))
        .where(column("purpose", asked).eq(bind(purpose)))
        .subquery()
    )
