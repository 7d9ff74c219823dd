"""Related records of the same module as a tree, each with what it is to the one above; linked, unlinked or made."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core import records
from crm_core.figures import related
from crm_core.model import ToMany
from crm_core.related import RelatedList, read_related
from crm_core.search import search_module
from pages._ui import feedback, html, profile
from pages._ui.components import Click
from pages._ui.sections.acting import Ask, Form, Values, offer, question, strip, word
from pages._ui.sections.base import ProfileSection, Spot

SHOWN = 8
INDENT = 22


def draw(spot: Spot) -> None:
    """Draw how many there are, what links others, and the tree."""
    found = related.read(**question(spot))
    st.html(strip(found.figure))
    link = next(iter(related.tree_links(spot.here.catalog, spot.module)), None)
    if link is not None:
        known = {spot.record_id, *(one.id for one in found.kin if one.level == 1)}
        offer(spot, _new(spot, link), beside=partial(_search, spot, link, known))
    names = _types(link)
    rows = [_row(spot, one, names) for one in found.kin]
    one = spot.seen.module.one
    tree = html.table_card(spot.panel.label, [one, "Is", ""], rows, empty="Nobody is linked yet.")
    others = [link for link in spot.panel.links if link.link_table is None]
    cards = [profile.related_card(spot.here, one) for one in _lists(spot, others)]
    st.html(html.stack([tree, *cards]))


def _lists(spot: Spot, links: list[ToMany]) -> tuple[RelatedList, ...]:
    return read_related(
        spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, actor=spot.here.actor,
        links=links, limit=SHOWN, at=spot.at,
    )  # fmt: skip


def _types(link: ToMany | None) -> dict[str, str]:
    """What a link can be, by its value."""
    fields = link.relationship.fields if link is not None else ()
    kind = next((field for field in fields if field.slug == "type"), None)
    return {option.value: option.text for option in getattr(kind, "options", None) or ()}


def _row(spot: Spot, one: related.Kin, names: dict[str, str]) -> html.Row:
    kind = names.get(one.type, one.type)
    told = kind if one.outgoing else f"{kind} there"
    branch = html.Html('<div class="m-branch" style="padding-left:{}px">{}{}</div>').format(
        INDENT * (one.level - 1),
        html.icon("subdirectory_arrow_right") if one.level > 1 else "",
        html.titled(one.title, one.role or ""),
    )
    taken = word("Unlink", "unlink", one.id, "out" if one.outgoing else "in")
    cells: list[html.Text] = [
        branch,
        html.badge(told, color="blue" if one.outgoing else "gray") if kind else "",
        taken if one.level == 1 and not spot.locked else "",
    ]
    return html.Row(cells, html.click("open", spot.module, one.id))


def _new(spot: Spot, link: ToMany) -> Form:
    """A record that is made here is linked at once."""
    module = spot.here.catalog.module(spot.module)
    wanted = [slug for slug in (module.title, "email", "phone") if module.field(slug) is not None]
    kinds = _types(link)
    kind = (Ask("type", next(iter(kinds), None), kinds, "Is"),) if kinds else ()
    return Form(
        "new", f"New {module.one.lower()}", spot.module, (*[Ask(slug) for slug in wanted], *kind),
        partial(_make, spot, link), "Made and linked", "person_add", _given(spot),
    )  # fmt: skip


def _given(spot: Spot) -> Values:
    return {"folder": spot.seen.record["folder"]}


def _make(spot: Spot, link: ToMany, values: Values) -> object:
    own = {slug: value for slug, value in values.items() if slug != "type" or not _types(link)}
    given = {**_given(spot), **own}
    kind = values.get("type")
    return records.create_linked(
        spot.here.lake, module=spot.module, values=given, to=spot.record_id, relationship=link.slug,
        link_values={"type": kind} if kind else {}, actor=spot.here.actor, door="browser",
    )  # fmt: skip


def _link(spot: Spot, link: ToMany, target: str, kind: object) -> object:
    return records.link(
        spot.here.lake, module=spot.module, record_id=spot.record_id, relationship=link.slug, to=target,
        actor=spot.here.actor, values={"type": kind} if kind else {}, door="browser",
    )  # fmt: skip


def _search(spot: Spot, link: ToMany, known: set[str]) -> None:
    """A search for somebody who is there already; a press links him as what is chosen above."""
    kinds = _types(link)
    with st.popover("Link an existing one", icon=":material/link:", key=spot.key("link")):
        key = spot.key("kind")
        if kinds:
            st.selectbox("Is", list(kinds), format_func=kinds.__getitem__, key=key)
        words = st.text_input(
            "Search", key=spot.key("words"), type="search", live="100ms", label_visibility="collapsed",
            placeholder=f"Search {spot.seen.module.name.lower()} …",
        )  # fmt: skip
        hits = search_module(
            spot.here.lake, spot.here.catalog, module=spot.module, actor=spot.here.actor, words=words or "",
            limit=SHOWN + len(known),
        )  # fmt: skip
        offered = [hit for hit in hits.items if hit.id not in known][:SHOWN]
        for hit in offered:
            st.button(
                html.plain(hit.title or "Without a name"), key=spot.key(f"link:{hit.id}"), type="tertiary",
                width="stretch", on_click=_linked, args=(spot, link, hit.id),
            )  # fmt: skip
        if not offered:
            st.html(html.Html('<div class="m-sub">Nothing found.</div>'))


def _linked(spot: Spot, link: ToMany, target: str) -> None:
    if not spot.locked:
        kind = st.session_state.get(spot.key("kind"))
        feedback.run(lambda: _link(spot, link, target, kind), done="Linked")


def clicked(spot: Spot, click: Click) -> bool:
    """Take a link away, whichever of the two lists the other."""
    link = next(iter(related.tree_links(spot.here.catalog, spot.module)), None)
    if click.verb != "unlink" or len(click.values) != 2 or link is None:
        return False
    if not spot.locked:
        other, side = click.values
        near, far = (spot.record_id, other) if side == "out" else (other, spot.record_id)
        feedback.run(
            lambda: records.unlink(
                spot.here.lake, module=spot.module, record_id=near, relationship=link.slug, to=far,
                actor=spot.here.actor, door="browser",
            ),
            done="Unlinked",
        )  # fmt: skip
    return True


SECTION = ProfileSection("related", draw, clicked)
