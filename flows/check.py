"""Whether flows can run: every problem of a flow as a sentence, and circles of flows by name."""

import json
from collections.abc import Iterable
from functools import lru_cache

from crm_core.definition_versions import without_queue
from crm_core.definitions import register_check
from crm_core.errors import DefinitionInvalid, UnknownModule
from crm_core.model import Catalog, Leaf
from crm_core.model.documents import Document
from crm_core.templates import problems_of
from flows.check_steps import step_problems
from flows.check_triggers import condition_problems, named_event_problems, trigger_problems
from flows.checks import Checks
from flows.model import FlowDefinition, parse_flow
from flows.problems import Told, below


def check_flow(catalog: Catalog, flow: FlowDefinition, *, users: frozenset[str] | None = None) -> list[str]:
    """Everything that keeps a flow from running against these definitions, each with its place in the document.

    Args:
        catalog: the definitions.
        flow: what is to be checked.
        users: the slugs of the users there are; None leaves them unchecked.
    """
    try:
        module = catalog.module(flow.module)
    except UnknownModule as error:
        return [Told(str(error), ("module",))]
    has = ", ".join(folder.slug for folder in module.folders)
    problems: list[str] = [
        Told(f"{flow.module} has no folder “{slug}”: it has {has}", ("folders", number))
        for number, slug in enumerate(flow.folders)
        if module.folder(slug) is None
    ]
    checks = Checks(catalog, flow.module, users)
    problems += trigger_problems(checks, flow)
    problems += below(("when",), condition_problems(catalog, flow.module, flow.when))
    problems += [Told(sentence, place) for place, sentence in step_problems(checks, flow.do)]
    return problems


def require_valid(catalog: Catalog, flow: FlowDefinition, *, users: frozenset[str] | None = None) -> None:
    """Refuse a flow that cannot run.

    Raises:
        DefinitionInvalid: With every problem.
    """
    problems = check_flow(catalog, flow, users=users)
    if problems:
        raise DefinitionInvalid(f"The flow {flow.flow}", problems)


@lru_cache(maxsize=256)
def _parsed(text: str) -> FlowDefinition:
    return parse_flow(json.loads(text))


def read_flow(document: Document) -> FlowDefinition:
    """As `parse_flow` of what is stored, remembering what was read before."""
    return _parsed(json.dumps(without_queue(document), sort_keys=False, default=str))


@register_check
def check_catalog(catalog: Catalog) -> Iterable[str]:
    """What is wrong with the active flows and the templates, asked whenever a definition is saved."""
    for template in catalog.templates.values():
        if template.module in catalog.modules:
            words = (("subject", template.subject), ("body", template.body))
            for problem in problems_of(words, catalog, template.module):
                yield f"the template {template.slug}: {problem}"
    yield from named_event_problems(catalog)
    for slug, document in catalog.flows.items():
        try:
            flow = read_flow(document)
        except DefinitionInvalid as error:
            yield from (f"the flow {slug}: {problem}" for problem in error.problems)
            continue
        yield from (f"the flow {slug}: {problem}" for problem in check_flow(catalog, flow))


def trigger_leaf(slug: str, value: object) -> Leaf:
    """The comparison that `was` and `is` stand for: null is missing, a list is any of it."""
    if value is None:
        return Leaf(field=slug, op="is_empty")
    if isinstance(value, list):
        return Leaf(field=slug, op="in", value=value)
    return Leaf(field=slug, op="eq", value=value)
