"""Saved views: whose they are, who is offered them, and who may change them."""

from __future__ import annotations

import pytest

from crm_core import definitions
from crm_core.access import Actor
from crm_core.errors import DefinitionInvalid, Forbidden
from crm_core.mended_views import lost_fields
from crm_core.model import parse_condition
from crm_core.views import Shared, Shown, delete_view, save_view, views_of
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm

VIPS = Shown(parse_condition({"field": "vip", "op": "eq", "value": True}), ("name", "age"), ("-age",))
EVERYBODY = (ADMIN, AGENT, OTHER, VIEWER)


def offered(crm: Crm, name: str) -> list[str]:
    return [
        actor.user
        for actor in EVERYBODY
        if name in [view.name for view in views_of(crm.catalog, "customers", actor=actor)]
    ]


def test_a_view_is_offered_to_whom_it_is_shared_with(crm: Crm) -> None:
    save_view(crm.lake, module="customers", name="Mine", shown=VIPS, actor=AGENT)
    save_view(
        crm.lake, module="customers", name="Ours", shown=VIPS, actor=AGENT, shared_with="team", team="service"
    )
    save_view(crm.lake, module="customers", name="All", shown=VIPS, actor=ADMIN, shared_with="everyone")
    assert [offered(crm, name) for name in ("Mine", "Ours", "All")] == [
        ["bob"],
        ["bob", "vic"],
        ["ann", "bob", "sue", "vic"],
    ]
    mine = next(view for view in views_of(crm.catalog, "customers", actor=AGENT) if view.name == "Mine")
    assert (mine.when, mine.columns, mine.sort) == (VIPS.when, VIPS.columns, VIPS.sort)


@pytest.mark.parametrize(
    ("with_whom", "team", "locked"),
    [
        pytest.param("everyone", "", False, id="with everybody"),
        pytest.param("team", "sales", False, id="with a team of others"),
        pytest.param("me", "", True, id="locked"),
    ],
)
def test_an_agent_shares_only_with_his_teams(shared: Crm, with_whom: Shared, team: str, locked: bool) -> None:
    with pytest.raises(Forbidden):
        save_view(
            shared.lake, module="customers", name="New", shown=VIPS, actor=AGENT, shared_with=with_whom, team=team,
            locked=locked,
        )  # fmt: skip
    with pytest.raises(Forbidden):
        save_view(shared.lake, module="customers", name="New", shown=VIPS, actor=VIEWER)


def test_a_view_is_changed_by_its_owner_and_a_locked_one_by_administrators(crm: Crm) -> None:
    ours = save_view(
        crm.lake, module="customers", name="Ours", shown=VIPS, actor=AGENT, shared_with="team", team="service"
    )
    assert save_view(crm.lake, module="customers", name="ours", shown=Shown(), actor=AGENT) == ours
    mine = save_view(crm.lake, module="customers", name="Secret", shown=VIPS, actor=AGENT)
    locked = save_view(
        crm.lake,
        module="customers",
        name="Fixed",
        shown=VIPS,
        actor=ADMIN,
        shared_with="everyone",
        locked=True,
    )
    for actor, slug in ((OTHER, ours), (ADMIN, mine), (AGENT, locked), (VIEWER, ours)):
        with pytest.raises(Forbidden):
            delete_view(crm.lake, slug, actor=actor)
    delete_view(crm.lake, ours, actor=AGENT)
    delete_view(crm.lake, locked, actor=ADMIN)
    assert offered(crm, "Fixed") == offered(crm, "ours") == []


@pytest.mark.parametrize(
    ("shared_with", "actor", "told"),
    [
        pytest.param("me", AGENT, "a view of bob alone is shown without “age”", id="of one alone"),
        pytest.param("everyone", ADMIN, "the view Old is shown without “age”", id="of everybody"),
    ],
)
def test_a_removed_field_is_told_and_the_views_that_name_it_are_shown_without_it(
    crm: Crm, shared_with: Shared, actor: Actor, told: str
) -> None:
    both = parse_condition(
        {"all": [{"field": "vip", "op": "eq", "value": True}, {"field": "age", "op": "gt", "value": 1}]}
    )
    shown = Shown(both, ("age", "name"), ("-age", "name"))
    save_view(crm.lake, module="customers", name="Old", shown=shown, actor=actor, shared_with=shared_with)
    module = crm.catalog.module("customers")
    without = module.model_copy(update={"fields": tuple(f for f in module.fields if f.slug != "age")})
    assert definitions.check_definition(crm.lake, [("module", without)], actor=ADMIN).views == (told,)
    assert definitions.save(crm.lake, [("module", without)], actor=ADMIN).views == (told,)
    [view] = [one for one in views_of(crm.catalog, "customers", actor=actor) if one.name == "Old"]
    assert view.when == parse_condition({"all": [{"field": "vip", "op": "eq", "value": True}]})
    assert (view.columns, view.sort) == (("name",), ("name",))
    assert lost_fields(crm.catalog, crm.catalog.saved_filters[view.slug]) == ("age",)
    assert definitions.save(crm.lake, [("module", module)], actor=ADMIN).views == ()


def test_a_view_of_what_is_not_there_is_refused(shared: Crm) -> None:
    wrong = Shown(parse_condition({"field": "nothing", "op": "is_set"}))
    with pytest.raises(DefinitionInvalid):
        save_view(shared.lake, module="customers", name="Wrong", shown=wrong, actor=ADMIN)
