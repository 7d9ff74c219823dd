"""Write a text message: a row in `communications`, and one in the outbox that its provider is given."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.templates import check_template, compile_template
from crm_core.trees import function
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

_NUMBER = r"^\+?[0-9][0-9 ()/.-]{3,28}[0-9]$"


class SendMessage(Action):
    """`send_message: {channel: sms, to: "{{ phone }}", text: "Your cargo is at {{ place }}.", purpose: service}`.

    Instead of a text, a `template`, whose body is sent.
    """

    key: ClassVar[str] = "send_message"
    channel: Literal["sms", "whatsapp"]
    to: str = Field(min_length=1)
    template: str | None = None
    text: str | None = None
    purpose: str = Field(default="service", pattern=PURPOSE)

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if (self.template is None) == (self.text is None):
            raise ValueError("say what is sent: either template, or text")
        return self

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, dict):
            raise ValueError(
                'send_message takes an object such as {channel: sms, to: "{{ phone }}", text: …}'
            )
        return cls.model_validate(options)

    def options(self) -> Any:
        return self.model_dump(mode="json", exclude_none=True)

    def problems(self, checks: Checks) -> list[str]:
        return list(self._problems(checks))

    def _problems(self, checks: Checks) -> Iterator[str]:
        yield from check_module(checks, self.key)
        yield from _missing_option(checks.catalog, self.channel)
        if self.template is not None and (problem := check_template_of(checks, self.template)):
            yield problem
            return
        for label, source in (("to", self.to), ("text", self.words(checks.catalog))):
            for problem in check_template(checks.catalog, checks.module, source):
                yield f"{label}: {problem}"

    def words(self, catalog: Catalog) -> str:
        """What is sent, its own or that of its template."""
        return self.text or "" if self.template is None else catalog.templates[self.template].body

    def plan(self, context: StepContext) -> Plan:
        scope = context.scope
        recipient = function("trim", compile_template(self.to, scope))
        consent = latest_consent(recipient, channel=self.channel, purpose=self.purpose, scope=scope)
        fits = function("regexp_matches", recipient.copy(), exp.Literal.string(_NUMBER))
        row = message_row(
            context,
            channel=self.channel,
            purpose=self.purpose,
            recipient=recipient,
            consent=consent,
            words={"text": compile_template(self.words(context.catalog), scope)},
            skip=(
                ("there is no number to send to", recipient.copy().eq(exp.Literal.string(""))),
                ("the number cannot be one", exp.not_(fits)),
                (
                    f"there is no consent to messages with the purpose {self.purpose}",
                    without_consent(context.catalog, self.purpose, consent),
                ),
            ),
        )
        extra = {"purpose": scope.relations.params.bind(self.purpose)}
        return [Message(row, self.channel, recipient.copy(), extra)]

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        return paths_in([self.to, self.words(catalog)])

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [Writes(COMMUNICATIONS, True)]


def _missing_option(catalog: Catalog, channel: str) -> Iterator[str]:
    if COMMUNICATIONS not in catalog.modules:
        return
    for field in catalog.module(COMMUNICATIONS).fields:
        options = getattr(field, "options", ())
        if field.slug == "channel" and options and channel not in [one.value for one in options]:
            yield f"send_message needs the option “{channel}” of the channels of communications"
