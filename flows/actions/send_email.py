"""Write an e-mail: a row in `communications`, and one in the outbox that leaves after the commit."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.errors import ConditionInvalid, UnknownModule
from crm_core.model import Catalog, ToMany
from crm_core.model.fields import FileField
from crm_core.templates import check_template, compile_template
from crm_core.trees import coalesce, function
from crm_core.values.fragments import sql
from flows.actions.base import Action, Message, Plan, StepContext, Writes, paths_in
from flows.actions.messages import (
    COMMUNICATIONS,
    PURPOSE,
    check_module,
    check_template_of,
    latest_consent,
    message_row,
    without_consent,
)
from flows.checks import Checks

__all__ = ["ADDRESS", "COMMUNICATIONS", "SendEmail"]

ADDRESS = r'^[^@\s,;:<>"()\[\]\\]+@[^@\s,;:<>"()\[\]\\]+$'
"""What an address must look like before the mail server is asked (RE2, and Python's `re`)."""

_FILE_ID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_NO_FILES = exp.cast(exp.Array(expressions=[]), "VARCHAR[]", dialect="duckdb")


class SendEmail(Action):
    """`send_email: {to: "{{ email }}", template: inquiry-received, purpose: service}`.

    Instead of a template, `subject` and `body`. `purpose` says on which basis it is sent: `service` unless the
    address objected, any other only with a granted consent. `attachments` are fields of files, or ids of files.
    """

    key: ClassVar[str] = "send_email"
    to: str = Field(min_length=1)
    template: str | None = None
    subject: str | None = None
    body: str | None = None
    purpose: str = Field(default="service", pattern=PURPOSE)
    sender: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    attachments: tuple[str, ...] = Field(default=(), max_length=20)
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
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {key: value for key, value in given.items() if key != "attachments" or value}

    def problems(self, checks: Checks) -> list[str]:
        return list(self._problems(checks))

    def _problems(self, checks: Checks) -> Iterator[str]:
        catalog = checks.catalog
        yield from check_module(checks, self.key, ("subject",))
        if self.template is not None and (problem := check_template_of(checks, self.template)):
            yield problem
            return
        for label, source in self._sources(catalog):
            for problem in check_template(catalog, checks.module, source):
                yield f"{label}: {problem}"
        for one in self.attachments:
            if problem := _attachment_problem(checks, one):
                yield f"attachments: {problem}"

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
        consent = latest_consent(recipient, channel="email", purpose=self.purpose, scope=scope)
        # A header is one line: whatever a field brings along must not begin another.
        line = function("left", _one_line(compile_template(subject, scope)), exp.Literal.number(500))
        words = {"subject": line, "text": compile_template(body, scope)}
        extra = {"purpose": bind(self.purpose)}
        if self.sender:
            words["from"] = bind(self.sender)
        if self.reply_to:
            extra["reply_to"] = compile_template(self.reply_to, scope)
        if self.attachments:
            words["files"] = extra["attachments"] = self._files(scope)
        insert = message_row(
            context, channel="email", purpose=self.purpose, recipient=recipient, consent=consent, words=words,
            skip=self._skips(context.catalog, recipient, consent),
        )  # fmt: skip
        return [Message(insert, "email", recipient.copy(), extra)]

    def _files(self, scope: Scope) -> exp.Expr:
        """The ids of all files that go along, each once."""
        bind = scope.relations.params.bind
        lists = [
            bind([one], "VARCHAR[]")
            if _FILE_ID.match(one)
            else coalesce(value_expression(one, scope), _NO_FILES.copy())
            for one in self.attachments
        ]
        listed = lists[0] if len(lists) == 1 else function("list_concat", *lists)
        return sql("list_filter($listed, lambda x, i: list_position($listed, x) = i)", listed=listed)

    def _skips(
        self, catalog: Catalog, recipient: exp.Expr, consent: exp.Expr
    ) -> tuple[tuple[str, exp.Expr], ...]:
        fits = function("regexp_matches", recipient.copy(), exp.Literal.string(ADDRESS))
        return (
            ("there is no address to send to", recipient.copy().eq(exp.Literal.string(""))),
            ("the address cannot be one", exp.not_(fits)),
            (
                f"there is no consent to mail with the purpose {self.purpose}",
                without_consent(catalog, self.purpose, consent),
            ),
        )

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        fields = frozenset(one for one in self.attachments if not _FILE_ID.match(one))
        return paths_in([self.to, self.reply_to, *self.words(catalog)]) | fields

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [Writes(COMMUNICATIONS, True)]


def _one_line(text: exp.Expr) -> exp.Expr:
    return function("trim", function("regexp_replace", text, exp.Literal.string(r"[\r\n\t]+"),
                                     exp.Literal.string(" "), exp.Literal.string("g")))  # fmt: skip


def _attachment_problem(checks: Checks, given: str) -> str | None:
    if _FILE_ID.match(given):
        return None
    try:
        path = checks.catalog.resolve(checks.module, given)
    except (ConditionInvalid, UnknownModule) as error:
        return error.reason if isinstance(error, ConditionInvalid) else str(error)
    if not isinstance(path.field, FileField) or any(isinstance(step, ToMany) for step in path.steps):
        return f"“{given}” is no field of files, of the record or of one that it links to; an id of a file will do too"
    return None
