"""Write an e-mail: a row in `communications`, and one in the outbox that leaves after the commit."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from sqlglot import exp

from crm_core.conditions import Scope
from crm_core.model import Catalog
from crm_core.templates import check_template, compile_template
from crm_core.trees import coalesce, column, function, lake_table
from flows.actions.base import Action, Insert, Message, Plan, StepContext, Writes, paths_in
from flows.actions.create_record import about_record
from flows.checks import Checks
from flows.values import Columns

COMMUNICATIONS = "communications"
ADDRESS = r'^[^@\s,;:<>"()\[\]\\]+@[^@\s,;:<>"()\[\]\\]+$'
"""What an address must look like before the mail server is asked (RE2, and Python's `re`)."""

_NEEDED = ("channel", "direction", "state", "to", "subject", "text")
_REFUSED = ("objected", "withdrawn", "denied")


class SendEmail(Action):
    """`send_email: {to: "{{ email }}", template: inquiry-received, purpose: service}`.

    Instead of a template, `subject` and `body`. `purpose` says on which basis it is sent: `service` unless the
    address objected, any other only with a granted consent.
    """

    key: ClassVar[str] = "send_email"
    to: str = Field(min_length=1)
    template: str | None = None
    subject: str | None = None
    body: str | None = None
    purpose: str = Field(default="service", pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    sender: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    channel: Literal["email"] = Field(default="email", exclude=True)

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        written = self.subject is not None and self.body is not None
        if (self.template is None) == (self.subject is None and self.body is None):
            raise ValueError("say what is sent: either template, or subject and body")
        if self.template is None and not written:
            raise ValueError("subject and body are needed together")
        return self

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, dict):
            raise ValueError('send_email takes an object such as {to: "{{ email }}", template: welcome}')
        return cls.model_validate(options)

    def options(self) -> Any:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def problems(self, checks: Checks) -> list[str]:
        return list(self._problems(checks))

    def _problems(self, checks: Checks) -> Iterator[str]:
        catalog = checks.catalog
        if COMMUNICATIONS not in catalog.modules:
            yield "send_email needs the module “communications”, which this workspace does not have"
        else:
            missing = [name for name in _NEEDED if name not in catalog.columns(COMMUNICATIONS)]
            if missing:
                yield f"send_email needs the fields {', '.join(missing)} of communications"
        if self.template is not None:
            found = catalog.templates.get(self.template)
            if found is None:
                known = ", ".join(sorted(catalog.templates)) or "none"
                yield f"there is no template “{self.template}”; there are {known}"
                return
            if found.module != checks.module:
                yield f"the template {self.template} is for {found.module}, not for {checks.module}"
                return
        for label, source in self._sources(catalog):
            for problem in check_template(catalog, checks.module, source):
                yield f"{label}: {problem}"

    def _sources(self, catalog: Catalog) -> Iterator[tuple[str, str]]:
        subject, body = self.words(catalog)
        yield from (("to", self.to), ("subject", subject), ("body", body))
        if self.reply_to:
            yield "reply_to", self.reply_to

    def words(self, catalog: Catalog) -> tuple[str, str]:
        """Subject and body, its own or those of its template."""
        if self.template is None:
            return self.subject or "", self.body or ""
        found = catalog.templates[self.template]
        return found.subject, found.body

    def plan(self, context: StepContext) -> Plan:
        bind, scope = context.scope.relations.params.bind, context.scope
        subject, body = self.words(context.catalog)
        recipient = function("trim", compile_template(self.to, scope))
        consent = _latest_consent(recipient, self.purpose, scope)
        known = context.catalog.columns(COMMUNICATIONS)
        row = {
            "channel": bind("email"),
            "direction": bind("out"),
            "state": bind("queued"),
            "to": recipient,
            # A header is one line: whatever a field brings along must not begin another.
            "subject": function("left", _one_line(compile_template(subject, scope)), exp.Literal.number(500)),
            "text": compile_template(body, scope),
            "purpose": bind(self.purpose),
            "consent": coalesce(consent, bind("none")),
            "occurred_at": context.occurred_at,
        } | ({"from": bind(self.sender)} if self.sender else {})
        links = about_record(context, COMMUNICATIONS, {})
        columns = Columns({name: tree for name, tree in {**links.set, **row}.items() if name in known})
        insert = Insert(COMMUNICATIONS, columns, skip=self._skips(recipient, consent))
        extra = {"reply_to": compile_template(self.reply_to, scope)} if self.reply_to else {}
        return [Message(insert, "email", recipient.copy(), extra)]

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        return paths_in([self.to, self.reply_to, *self.words(catalog)])

    def _skips(self, recipient: exp.Expr, consent: exp.Expr) -> tuple[tuple[str, exp.Expr], ...]:
        empty = recipient.copy().eq(exp.Literal.string(""))
        fits = function("regexp_matches", recipient.copy(), exp.Literal.string(ADDRESS))
        state = coalesce(consent.copy(), exp.Literal.string(""))
        refused: exp.Expr
        if self.purpose == "service":
            refused = state.isin(*[exp.Literal.string(word) for word in _REFUSED])
        else:
            refused = state.neq(exp.Literal.string("granted"))
        return (
            ("there is no address to send to", empty),
            ("the address cannot be one", exp.not_(fits)),
            (f"there is no consent to mail with the purpose {self.purpose}", refused),
        )

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [Writes(COMMUNICATIONS, True)]


def _one_line(text: exp.Expr) -> exp.Expr:
    return function("trim", function("regexp_replace", text, exp.Literal.string(r"[\r\n\t]+"),
                                     exp.Literal.string(" "), exp.Literal.string("g")))  # fmt: skip


def _latest_consent(recipient: exp.Expr, purpose: str, scope: Scope) -> exp.Expr:
    """What the address last said to mail of this purpose, as of the snapshot that is read; NULL for nothing."""
    bind, asked = scope.relations.params.bind, "consent"
    same = function("lower", column("address", asked)).eq(function("lower", recipient.copy()))
    latest = function("arg_max", column("state", asked), column("occurred_at", asked))
    return (
        exp.select(latest)
        .from_(lake_table("consents", schema="access", alias=asked, at=scope.relations.at))
        .where(same)
        .where(column("channel", asked).eq(bind("email")))
        .where(column("purpose", asked).eq(bind(purpose)))
        .subquery()
    )
