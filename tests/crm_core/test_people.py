"""Users, their teams, and keys."""

from __future__ import annotations

import pytest

from crm_core.access import Actor
from crm_core.errors import Forbidden, ValuesInvalid
from crm_core.people import (
    UnknownUser,
    User,
    actor_by_key,
    actor_of,
    add_key,
    read_directory,
    revoke_key,
    save_users,
)
from tests.crm_core.conftest import ADMIN, AGENT, Crm


def test_an_actor_has_the_role_and_teams_of_the_user(shared: Crm) -> None:
    assert actor_of(shared.lake, "bob") == Actor("bob", "agent", ("service",), "Bob Agent")


@pytest.mark.parametrize("slug", ["nobody", "old"])
def test_nobody_acts_as_a_user_who_is_not_there_or_left(shared: Crm, slug: str) -> None:
    with pytest.raises(UnknownUser) as raised:
        actor_of(shared.lake, slug)
    assert "bob" in raised.value.known


def test_the_local_administrator_needs_no_user(shared: Crm) -> None:
    assert actor_of(shared.lake, "admin") == Actor.local_admin()


def test_saving_the_same_users_again_changes_nothing(crm: Crm) -> None:
    before = crm.lake.snapshot()
    assert (
        save_users(
            crm.lake, [User("bob", "Bob Agent", "bob@tests.example", "agent", ("service",))], actor=ADMIN
        )
        == 0
    )
    assert crm.lake.snapshot() == before


def test_a_changed_user_is_known_at_once(crm: Crm) -> None:
    assert save_users(crm.lake, [User("bob", "Robert", role="viewer")], actor=ADMIN) == 1
    assert actor_of(crm.lake, "bob").role == "viewer"
    assert len(read_directory(crm.lake).users) == 5


def test_all_that_is_wrong_with_users_is_told_at_once(shared: Crm) -> None:
    with pytest.raises(ValuesInvalid) as raised:
        save_users(
            shared.lake,
            [User("system", " ", teams=("none",), role="boss", time_zone="Moon")],  # type: ignore[arg-type]
            actor=ADMIN,
        )
    assert {problem.field for problem in raised.value.problems} == {
        "slug",
        "name",
        "teams",
        "role",
        "time_zone",
    }


def test_only_administrators_make_users_and_keys(shared: Crm) -> None:
    with pytest.raises(Forbidden):
        save_users(shared.lake, [], actor=AGENT)
    with pytest.raises(Forbidden):
        add_key(shared.lake, actor=AGENT)


def test_a_key_speaks_for_its_role_until_it_is_revoked(crm: Crm) -> None:
    key = add_key(crm.lake, actor=ADMIN, role="admin", label="import")
    assert actor_by_key(crm.lake, key) == Actor("key:import", "admin", name="Key import")
    assert revoke_key(crm.lake, "import", actor=ADMIN)
    assert actor_by_key(crm.lake, key) is None
    assert not revoke_key(crm.lake, "import", actor=ADMIN)


def test_a_key_of_a_user_speaks_for_him(crm: Crm) -> None:
    assert actor_by_key(crm.lake, add_key(crm.lake, actor=ADMIN, user="bob")) == actor_of(crm.lake, "bob")


def test_the_lake_does_not_hold_the_key_itself(crm: Crm) -> None:
    key = add_key(crm.lake, actor=ADMIN)
    assert key not in str(crm.lake.read("SELECT * FROM lake.access.api_keys").rows())
    assert actor_by_key(crm.lake, key[:-1] + "x") is None


def test_a_user_is_found_by_any_name_that_only_he_has(crm: Crm) -> None:
    save_users(crm.lake, [User("bob2", "Bob Agent", "bob2@tests.example")], actor=ADMIN)
    names = read_directory(crm.lake).by_any_name
    assert names["bob"] == "bob" and names["bob2@tests.example"] == "bob2"
    assert "bob agent" not in names and "olga old" not in names
