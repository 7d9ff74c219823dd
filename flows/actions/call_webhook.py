"""Call another system: a signed POST of JSON that leaves after the commit, once as far as the other side can tell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, field_validator
from sqlglot import exp

from crm_core.conditions import Scope
from crm_core.model import Catalog
from crm_core.model.base import Definition
from crm_core.settings import SECRET_NAME, secret_variable
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


_CREDENTIALS = re.compile(
    r"^(authorization|proxy-authorization|cookie|(x-)?(api|access|auth)-?(key|token)|x-[a-z-]*(token|secret))$",
    re.IGNORECASE,
)
"""Headers whose value opens doors: it stands outside the lake."""


class SecretHeader(Definition):
    """A header of which the flow knows no more than a name; `{secret: erp-token, scheme: Bearer}` is filled in last."""

    secret: Annotated[str, StringConstraints(pattern=f"^{SECRET_NAME}$")]
    scheme: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,29}$")] | None = None


class CallWebhook(Action):
    """`call_webhook: {url: "https://erp.example/hooks", body: {number: "{{ number }}"}}`.

    Without a body it says `type`, `timestamp` and, as `data`, the record. A field alone (`"{{ amount }}"`) keeps its
    kind. What opens doors is no value of a header but the name of a secret:
    `headers: {Authorization: {secret: erp-token, scheme: Bearer}}`.
    """

    key: ClassVar[str] = "call_webhook"
    url: str = Field(min_length=1, max_length=2000)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str | SecretHeader] = Field(default_factory=dict)
    purpose: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_-]{0,39}$")

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: Mapping[str, str | SecretHeader]) -> Mapping[str, str | SecretHeader]:
        for name, value in headers.items():
            if not _HEADER.match(name):
                raise ValueError(f"{name!r} is no name of a header")
            if _OURS.match(name):
                raise ValueError(f"the header {name} is set when the call is made")
            if isinstance(value, str) and re.search(r"[\r\n\x00]", value):
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
        for name, value in self._texts.items():
            if _CREDENTIALS.match(name):
                yield _opens_doors(name)
            else:
                yield from check_body(checks, value, f"headers.{name}")

    @property
    def _texts(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if isinstance(value, str)}

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
            told = {name: _header(value, scope) for name, value in self.headers.items()}
            pairs = [tree for name, value in told.items() for tree in (bind(name), value)]
            values["headers"] = exp.cast(function("json_object", *pairs), "VARCHAR", dialect="duckdb")
        fits = function("regexp_matches", url.copy(), exp.Literal.string(_URL))
        return [Side(CALLS, values, (("the address to call is none", exp.not_(fits)),))]

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        given = paths_in([self.url, self.body, self._texts])
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


def _opens_doors(name: str) -> str:
    slug = f"{name.lower().removeprefix('x-')}"
    return (
        f"headers.{name}: what stands here would be kept in the lake, and seen by whoever sees the flow; set it as "
        f"{secret_variable(slug)} where the server is started, and write {name}: {{secret: {slug}}} (with scheme: "
        "Bearer where that comes before it)"
    )


def _header(value: str | SecretHeader, scope: Scope) -> exp.Expr:
    if isinstance(value, str):
        return _one_line(compile_template(value, scope))
    return json_of(value.model_dump(exclude_none=True), scope)


def _one_line(text: exp.Expr) -> exp.Expr:
    # RFC 9110, section 5.5: a value of a header holds neither line breaks nor U+0000.
    return function(
        "regexp_replace",
        text,
        exp.Literal.string(r"[\r\n\x00]+"),
        exp.Literal.string(" "),
        exp.Literal.string("g"),
    )
