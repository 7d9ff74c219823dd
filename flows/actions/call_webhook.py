"""Call another system: a signed POST of JSON that leaves after the commit, once as far as the other side can tell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.templates import check_template, compile_template, is_template
from crm_core.trees import column, function
from flows.actions.base import Action, Plan, Side, StepContext, Writes, paths_in
from flows.calls import CALLS
from flows.checks import Checks
from flows.http import address_problem
from flows.json_body import check_body, json_of, record_as_json
from flows.values import Source

_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
_OURS = re.compile(r"^(webhook-.*|host|content-length|transfer-encoding|connection|expect)$", re.IGNORECASE)
_URL = r"^https?://[^\s/?#]+\S*$"


class CallWebhook(Action):
    """`call_webhook: {url: "https://erp.example/hooks", body: {number: "{{ number }}"}}`.

    Without a body it says `type`, `timestamp` and, as `data`, the record. A field alone (`"{{ amount }}"`) keeps its
    kind.
    """

    key: ClassVar[str] = "call_webhook"
    url: str = Field(min_length=1, max_length=2000)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    purpose: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_-]{0,39}$")

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not _HEADER.match(name):
                raise ValueError(f"{name!r} is no name of a header")
            if _OURS.match(name):
                raise ValueError(f"the header {name} is set when the call is made")
            if re.search(r"[\r\n\x00]", value):
                raise ValueError(f"the header {name} is one line")
        return headers

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping):
            raise ValueError("call_webhook takes an object such as {url: https://erp.example/hooks}")
        return cls.model_validate(dict(options))

    def options(self) -> Any:
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def problems(self, checks: Checks) -> list[str]:
        return list(self._problems(checks))

    def _problems(self, checks: Checks) -> Iterator[str]:
        if is_template(self.url):
            for problem in check_template(checks.catalog, checks.module, self.url):
                yield f"url: {problem}"
        elif wrong := address_problem(self.url):
            yield f"url: {wrong}"
        yield from check_body(checks, self.body)
        for name, value in self.headers.items():
            yield from check_body(checks, value, f"headers.{name}")

    def plan(self, context: StepContext) -> Plan:
        scope = context.scope
        bind = scope.relations.params.bind
        url = function("trim", compile_template(self.url, scope))
        body = record_body(context) if self.body is None else json_of(self.body, scope)
        values: dict[str, exp.Expr] = {
            "url": url,
            "payload": exp.cast(body, "VARCHAR", dialect="duckdb"),
            "headers": bind(None, "VARCHAR"),
            "purpose": bind(self.purpose, "VARCHAR"),
        }
        if self.headers:
            texts = {name: compile_template(value, scope) for name, value in self.headers.items()}
            pairs = [tree for name, value in texts.items() for tree in (bind(name), _one_line(value))]
            values["headers"] = exp.cast(function("json_object", *pairs), "VARCHAR", dialect="duckdb")
        fits = function("regexp_matches", url.copy(), exp.Literal.string(_URL))
        return [Side(CALLS, values, (("the address to call is none", exp.not_(fits)),))]

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        given = paths_in([self.url, self.body, dict(self.headers)])
        return given if self.body is not None else given | frozenset(catalog.columns(module))

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return []


def record_body(context: StepContext) -> exp.Expr:
    """What a call says of itself: which event, when, and the record (as Standard Webhooks lays it out)."""
    scope = context.scope
    bind = scope.relations.params.bind
    event = function("concat", bind(f"{context.module}."), column("_event", scope.alias))
    instant = json_of_instant(Source(scope, context.occurred_at))
    return function(
        "json_object", bind("type"), event, bind("timestamp"), instant, bind("data"), record_as_json(scope)
    )


def json_of_instant(source: Source) -> exp.Expr:
    """The instant of the change as ISO 8601 in UTC."""
    there = function("timezone", exp.Literal.string("UTC"), source.occurred_at.copy())
    return function("strftime", there, exp.Literal.string("%Y-%m-%dT%H:%M:%S.%gZ"))


def _one_line(text: exp.Expr) -> exp.Expr:
    # RFC 9110, section 5.5: a value of a header holds neither line breaks nor U+0000.
    return function(
        "regexp_replace",
        text,
        exp.Literal.string(r"[\r\n\x00]+"),
        exp.Literal.string(" "),
        exp.Literal.string("g"),
    )
