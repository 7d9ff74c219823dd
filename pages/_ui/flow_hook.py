"""The part of a trigger that another system sets off: its address, and what of its payload becomes which field."""

from __future__ import annotations

from typing import Any

import streamlit as st

from flows import hooks
from pages._ui import feedback, html
from pages._ui.flow_desk import Desk
from pages._ui.flow_values import targets_of


def edit_hook(desk: Desk, trigger: dict[str, Any]) -> None:
    """Where each field stands in what the other system sends, and by which one a record is found."""
    known = {slug: one.label for slug, one in targets_of(desk, desk.draft.module).items()}
    places: dict[str, str] = dict(trigger.get("map") or {})
    key = desk.key("hook", desk.draft.module)

    def put(new: dict[str, str]) -> None:
        trigger["map"] = new
        if trigger.get("key") not in new:
            trigger.pop("key", None)

    for slug, place in places.items():
        _line(f"{key}:{slug}", slug, known.get(slug, slug), place, places, put)
    rest = [slug for slug in known if slug not in places]
    add_key, find_key = f"{key}:add:{len(places)}", f"{key}:key:{len(places)}"

    def add() -> None:
        if st.session_state[add_key]:
            put({**places, st.session_state[add_key]: st.session_state[add_key]})

    def find() -> None:
        trigger["key"] = st.session_state[find_key]
        if not trigger["key"]:
            trigger.pop("key")

    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="flow_hook_last"):
        st.selectbox("One more field", rest, index=None, key=add_key, on_change=add, format_func=known.__getitem__,
                     placeholder="One more field …", width=240)  # fmt: skip
        choices = ["", *places]
        now = trigger.get("key") or ""
        st.selectbox("A record is found by", choices, key=find_key, on_change=find, width=240,
                     index=choices.index(now) if now in choices else 0,
                     format_func=lambda slug: known.get(slug, slug) if slug else "None: it is made")  # fmt: skip
    where(desk)


def where(desk: Desk) -> None:
    """Where the other system sends to, and what it signs with, once the flow is saved."""
    slug = str(desk.draft.head.get("flow", ""))
    live = desk.catalog.live.get(slug) or desk.catalog.stored.get(("flow", slug))
    if live is None or live.document.get("trigger", {}).get("event") != "webhook":
        text = "Once it is saved, it has an address and a secret of its own, which stand here."
        st.html(html.Html('<div class="m-sub">{}</div>').format(text))
        return
    now = desk.now
    found = feedback.run(
        lambda: hooks.address(now.lake, now.workspace.settings, slug, actor=now.actor), at="here"
    )
    if found is not None:
        st.html(html.Html('<div class="m-sub">It is sent to <b>{}</b></div>').format(found.url))
        with st.popover("Secret", icon=":material/key:", type="tertiary", key=desk.key("hook", "secret")):
            st.code(found.secret, language=None)


def _line(key: str, slug: str, label: str, place: str, places: dict[str, str], put: Any) -> None:
    def keep() -> None:
        put({**places, slug: st.session_state[key].strip() or slug})

    def drop() -> None:
        put({name: one for name, one in places.items() if name != slug})

    with st.container(
        horizontal=True, gap="xsmall", vertical_alignment="center", key=f"value_{key.replace(':', '_')}"
    ):
        st.html(html.Html('<div class="m-value">{}</div>').format(label), width=150)
        st.text_input(label, value=place, key=key, on_change=keep, label_visibility="collapsed",
                      placeholder="customer.email")  # fmt: skip
        st.button("", icon=":material/close:", key=f"{key}:drop", type="tertiary", on_click=drop,
                  help=f"Leave {html.plain(label)} out")  # fmt: skip
