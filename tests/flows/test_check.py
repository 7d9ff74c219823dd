"""What a flow is checked for when it is saved."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definition_documents import build_catalog, parse_document
from crm_core.definitions import read_catalog, save
from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog, Stored
from crm_core.pack_files import read_pack
from flows.check import check_flow
from flows.cycles import cycle_warnings, find_cycles
from flows.model import parse_flow
from lake import Lake
from tests.flows.conftest import HERE
from tests.flows.flows_of import flow, leaf

USERS = frozenset({"anna"})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    parsed = [
        (kind, *parse_document(kind, document)) for kind, document in read_pack(HERE / "workspace.yaml")
    ]
    return build_catalog(
        [Stored(kind, "x", slug, 1, "active", plain) for kind, slug, plain in parsed], version=1
    )


def sets(**values: Any) -> dict[str, Any]:
    return flow("try", {"set_field": values})


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            sets(status="won", folder="inbox", team="sales", owner="anna", tags=["a"]), id="system columns"
        ),
        pytest.param(sets(tags={"add": ["a"], "remove": ["{{ channel }}"]}), id="tags added and removed"),
        pytest.param(sets(due={"today": "+3d"}, answered_at={"in": "4h"}), id="relative times"),
        pytest.param(sets(due="{{ answered_at }}", answered_at="{{ due }}"), id="a time as a day and back"),
        pytest.param(sets(amount="{{ score }}", score=12.5, price={"amount": "{{ amount }}"}), id="numbers"),
        pytest.param(sets(price="{{ customer.credit }}", customer="{{ customer }}"), id="copies over a link"),
        pytest.param(sets(note=None, kinds=["sea"]), id="cleared"),
        pytest.param(
            flow(
                "try",
                {"create_record": {"module": "tasks", "values": {"title": "x", "about": "{{ record }}"}}},
            ),
            id="a record about this one",
        ),
        pytest.param(flow(on={"fields": ["status"], "was": ["new", None], "is": "won"}), id="was and is"),
        pytest.param(
            flow(on={"fields": ["price", "customer"]}, folders=["claims"]), id="fields of two columns"
        ),
    ],
)
def test_a_sound_flow_has_no_problem(catalog: Catalog, document: Any) -> None:
    assert check_flow(catalog, parse_flow(document), users=USERS) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(flow(module="nope"), "no module “nope”", id="module"),
        pytest.param(flow(folders=["nope"]), "no folder “nope”", id="folder"),
        pytest.param(flow(on={"fields": ["nope"]}), "a missing field", id="field of the trigger"),
        pytest.param(flow(on={"fields": ["customer.name"]}), "itself", id="related field of the trigger"),
        pytest.param(
            flow(on={"fields": ["status"], "is": "nope"}), "cannot be 'nope'", id="status waited for"
        ),
        pytest.param(flow(when=leaf("nope", "eq", 1)), "does not have", id="field of the condition"),
        pytest.param(flow(when=leaf("amount", "eq", "x")), "is a number", id="value of the condition"),
        pytest.param(sets(nope=1), "no field “nope”", id="field to set"),
        pytest.param(sets(created_at="now"), "belongs to the record itself", id="column of the machinery"),
        pytest.param(sets(status="nope"), "its statuses are", id="status"),
        pytest.param(
            sets(folder="claims", status="won"), "its statuses are closed, opened", id="status of the folder"
        ),
        pytest.param(sets(folder="nope"), "its folders are", id="folder to set"),
        pytest.param(sets(team="nope"), "the teams are", id="team"),
        pytest.param(sets(owner="bob"), "the users are anna", id="user"),
        pytest.param(sets(workers={"add": ["bob"]}), "the users are anna", id="user added"),
        pytest.param(sets(channel="fax"), "its options are", id="option"),
        pytest.param(sets(kinds=["sea", "pipe"]), "cannot be 'pipe'", id="one of several options"),
        pytest.param(sets(email="x"), "is an e-mail address", id="address"),
        pytest.param(sets(amount="many"), "a whole number", id="word for a number"),
        pytest.param(sets(due="someday"), "no date or time", id="word for a day"),
        pytest.param(sets(due={"in": "soon"}), "no length of time", id="length of time"),
        pytest.param(sets(due={"after": "4h"}), "takes {in: 4h}", id="unknown anchor"),
        pytest.param(sets(due="{{ subject }}"), "is a date, which “subject” is not", id="text for a day"),
        pytest.param(sets(amount="{{ subject }} 1"), "cannot be one", id="words for a number"),
        pytest.param(sets(note="{{ nope }}"), "a missing field", id="field of a template"),
        pytest.param(sets(note="{{ customer.nope }}"), "a missing field", id="related field of a template"),
        pytest.param(
            sets(note="{% for a in b %}{% endfor %}"), "a loop cannot be used", id="loop in a template"
        ),
        pytest.param(sets(note="{{ subject"), "line 1", id="broken template"),
        pytest.param(sets(note="x" * 41), "at most 40", id="too long"),
        pytest.param(sets(subject=None), "cannot be cleared", id="required field cleared"),
        pytest.param(sets(customer="{{ record }}"), "points to customers", id="link to the wrong module"),
        pytest.param(sets(customer="Anna"), "needs the id of a record", id="name for a link"),
        pytest.param(sets(tags={"plus": ["a"]}), "add: […]", id="unknown change of a list"),
        pytest.param(
            flow("a", {"create_record": {"module": "nope"}}), "no module", id="module of a new record"
        ),
        pytest.param(flow("a", {"create_record": {"module": "tasks"}}), "needs “title”", id="required value"),
        pytest.param(
            flow("a", {"create_task": {"title": "x", "fly": 1}}), "no field “fly”", id="field of a task"
        ),
        pytest.param(
            flow("a", {"send_email": {"to": "x@y.z", "template": "nope"}}),
            "there are received",
            id="template",
        ),
        pytest.param(
            flow("a", {"send_email": {"to": "x@y.z", "template": "received"}}, module="tasks"),
            "is for inquiries, not for tasks",
            id="template of another module",
        ),
        pytest.param(
            flow("a", {"send_email": {"to": "{{ nope }}", "subject": "", "body": ""}}), "to: ", id="recipient"
        ),
    ],
)
def test_what_cannot_run_is_said(catalog: Catalog, document: Any, said: str) -> None:
    problems = check_flow(catalog, parse_flow(document), users=USERS)
    assert len(problems) == 1 and said in problems[0]


def test_all_problems_are_said_at_once(catalog: Catalog) -> None:
    document = flow("a", {"set_field": {"nope": 1, "status": "x"}}, {"create_task": {"title": "{{ nope }}"}})
    problems = check_flow(catalog, parse_flow(document | {"folders": ["x"]}))
    assert [problem.split(":")[0] for problem in problems] == [
        "inquiries has no folder “x”",
        "step 1 (set_field)",
        "step 1 (set_field)",
        "step 2 (create_task)",
    ]


def test_a_module_cannot_lose_a_field_that_a_flow_needs(crm: Lake) -> None:
    save(crm, [("flow", flow())], actor=Actor.system())
    module = dict(read_catalog(crm).stored["module", "inquiries"].document)
    module["fields"] = [field for field in module["fields"] if field["slug"] != "note"]
    with pytest.raises(
        DefinitionInvalid, match=r"the flow try: step 1 .set_field.: inquiries has no field “note”"
    ):
        save(crm, [("module", module)], actor=Actor.system())


def test_a_template_that_names_a_missing_field_is_not_saved(crm: Lake) -> None:
    template = {"slug": "t", "module": "customers", "subject": "{{ nope }}", "body": "x"}
    with pytest.raises(
        DefinitionInvalid, match="the template t: subject: the template names a missing field"
    ):
        save(crm, [("template", template)], actor=Actor.system())


def test_circles_of_flows_are_told_by_name(catalog: Catalog) -> None:
    when_status = {"fields": ["status"]}
    flows = [
        parse_flow(flow("a", {"set_field": {"status": "won"}}, on={"fields": ["note"]})),
        parse_flow(flow("b", {"set_field": {"note": "x"}}, on=when_status | {"is": "won"})),
        parse_flow(flow("c", {"set_field": {"note": "x"}}, on=when_status | {"is": "closed"})),
        parse_flow(flow("d", {"create_task": {"title": "x"}}, module="tasks")),
    ]
    assert find_cycles(catalog, flows) == [("a", "b")]
    [warning] = cycle_warnings(catalog, flows)
    assert warning.startswith("a → b → a can set each other off")
