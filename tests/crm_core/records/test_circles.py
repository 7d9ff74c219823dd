"""Records that stand below one another: nobody below himself, directly or over several, whoever writes the link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_core import records
from crm_core.definitions import save
from crm_core.errors import DefinitionInvalid, ValuesInvalid
from crm_core.loading import load
from tests.crm_core.conftest import ADMIN, Crm

TREE = {"by": "type", "below": ["branch", "employee"], "above": ["parent"]}
LINK: dict[str, Any] = {
    "module": "customers", "slug": "kin", "kind": "many_to_many", "to": "customers", "inverse": "kin_of",
    "fields": [{"slug": "type", "kind": "select", "required": True,
                "options": ["parent", "branch", "employee", "family"]}],
}  # fmt: skip
BOSS = {
    "module": "customers",
    "slug": "boss",
    "kind": "many_to_one",
    "to": "customers",
    "inverse": "reports_of",
}


@pytest.fixture(scope="module")
def trees(shared: Crm) -> Crm:
    """A workspace with links that are a tree by their type, and a reference that is one."""
    save(
        shared.lake,
        [("relationship", {**LINK, "tree": TREE}), ("relationship", {**BOSS, "tree": {}})],
        actor=ADMIN,
    )
    return shared


def link(crm: Crm, one: str, to: str | list[str], kind: str) -> None:
    records.link(
        crm.lake,
        module="customers",
        record_id=one,
        relationship="kin",
        to=to,
        actor=ADMIN,
        values={"type": kind},
    )


def three(crm: Crm) -> tuple[str, str, str]:
    """Head office, its branch, and the branch of that."""
    head, branch, shop = (crm.create(name=name) for name in ("Head", "Branch", "Shop"))
    link(crm, head, branch, "branch")
    link(crm, shop, branch, "parent")
    return head, branch, shop


@pytest.mark.parametrize(
    ("near", "far", "kind"),
    [
        pytest.param(0, 0, "branch", id="a branch of itself"),
        pytest.param(0, 0, "family", id="a family of one"),
        pytest.param(1, 0, "branch", id="the other way round"),
        pytest.param(2, 0, "branch", id="over several"),
        pytest.param(0, 2, "parent", id="over several, seen from the other side"),
        pytest.param(2, 0, "employee", id="by another type"),
    ],
)
def test_nothing_is_linked_into_a_circle(trees: Crm, near: int, far: int, kind: str) -> None:
    all_three = three(trees)
    with pytest.raises(ValuesInvalid, match="lead in a circle"):
        link(trees, all_three[near], all_three[far], kind)


def test_what_is_no_circle_is_linked_and_links_change_their_type(trees: Crm) -> None:
    head, branch, shop = three(trees)
    link(trees, head, shop, "branch")
    link(trees, shop, head, "family")
    other = trees.create(name="Other")
    link(trees, other, branch, "family")
    link(trees, other, branch, "branch")
    with pytest.raises(ValuesInvalid, match="circle"):
        link(trees, shop, head, "branch")
    records.unlink(
        trees.lake, module="customers", record_id=head, relationship="kin", to=[branch, shop], actor=ADMIN
    )
    link(trees, shop, head, "branch")


def test_a_reference_that_is_a_tree_leads_up_and_never_back(trees: Crm) -> None:
    boss = trees.create(name="Boss")
    lead = trees.create(name="Lead", boss=boss)
    hand = trees.create(name="Hand", boss=lead)
    for top in (boss, lead, hand):
        with pytest.raises(ValuesInvalid, match="circle"):
            records.update(trees.lake, module="customers", record_id=boss, values={"boss": top}, actor=ADMIN)
    records.update(trees.lake, module="customers", record_id=lead, values={"boss": None}, actor=ADMIN)
    records.update(trees.lake, module="customers", record_id=boss, values={"boss": hand}, actor=ADMIN)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        pytest.param({"by": "since", "below": ["branch"]}, "no choice", id="by what is no choice"),
        pytest.param({"by": "type", "below": ["bronch"]}, "which values", id="an unknown value"),
        pytest.param({"by": "type"}, "which values", id="no value"),
        pytest.param({"below": ["branch"]}, "by which field", id="values of nothing"),
    ],
)
def test_a_tree_that_says_nothing_is_refused(trees: Crm, tree: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionInvalid, match=said):
        save(trees.lake, [("relationship", {**LINK, "tree": tree})], actor=ADMIN)


def test_a_file_brings_no_circle_and_keeps_the_rest(trees: Crm, tmp_path: Path) -> None:
    head, branch, shop = three(trees)
    other = trees.create(name="Other")
    file = tmp_path / "kin.csv"
    file.write_text(
        "from_id,to_id,type\n"
        + "".join(f"{a},{b},branch\n" for a, b in ((shop, head), (head, other), (branch, branch)))
    )
    report = load(trees.lake, [file], module="customers.kin", actor=ADMIN)
    assert (report.inserted, report.rejected) == (1, 2)
