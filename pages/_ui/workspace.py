"""The workspace of a profile module: a list on the left, the record in the middle, what can be done on the right."""

from __future__ import annotations

from collections.abc import Callable

from crm_core.conversations import MESSAGES
from crm_core.model import Module
from crm_core.panels import OVERVIEW, Panel, panels_of
from crm_core.profile import Head
from crm_core.reading import marks_of
from pages._ui import (
    as_of,
    bases,
    call_log,
    edits,
    forms,
    header_actions,
    mailing,
    nav,
    side,
    side_tags,
    words,
    workspace_head,
    workspace_list,
    workspace_narrow,
)
from pages._ui.components import Click, clicks
from pages._ui.layout import body, head, redraw, three_panels
from pages._ui.nothing import no_records, no_such_module, no_such_record, nothing
from pages._ui.sections import everything, section_of
from pages._ui.sections.base import Spot
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id, record_id_in_url, set_url, slug_in_url
from pages._ui.workspace_state import WorkspaceState, read_selected


def draw(slug: str) -> None:
    """Draw the workspace of a module."""
    nav.follow()
    if slug not in here().catalog.modules:
        no_such_module(here(), words.readable(slug))
        return
    state = page_state(WorkspaceState, page=f"workspace:{slug}")
    state.selected = record_id_in_url() or state.selected
    as_of.follow_url(here(), state)
    workspace_narrow.follow_url(here(), here().catalog.module(slug), state)
    offered = [panel.slug for panel in _panels(here(), slug, None)]
    state.section = slug_in_url("section", among=offered) or state.section
    three_panels(
        left=_while_known(slug, lambda: workspace_list.draw(slug, state)),
        centre=_while_known(slug, lambda: _centre(slug, state), told=True),
        right=_while_known(slug, lambda: _right(slug, state)),
        labels=("List", here().catalog.module(slug).one, "Details"),
        first="centre" if record_id_in_url() else "left",
    )


def _known(slug: str) -> bool:
    """Whether there still is the module: somebody may take it away while its page stands open."""
    return slug in here().catalog.modules


def _while_known(slug: str, draw: Callable[[], None], *, told: bool = False) -> Callable[[], None]:
    """The drawing of a panel as long as there is the module; `told` says so afterwards, the others are empty."""

    def panel() -> None:
        if _known(slug):
            draw()
        elif told:
            no_such_module(here(), words.readable(slug))

    return panel


def _panels(now: Here, slug: str, folder: str | None) -> tuple[Panel, ...]:
    return panels_of(now.catalog, slug, folder=folder, role=now.actor.role)


def _spot(now: Here, seen: Head, state: WorkspaceState, at: int | None) -> Spot:
    panels = _panels(now, seen.module.slug, seen.record["folder"])
    panel = next((one for one in panels if one.slug == state.section), panels[0])
    return Spot(now, seen, panel, state, locked=_locked(now, state), at=at)


def _locked(now: Here, state: WorkspaceState) -> bool:
    """Whether nothing may be changed: by who looks, or since the past is looked at."""
    return now.actor.role == "viewer" or state.as_of is not None


def _centre(slug: str, state: WorkspaceState) -> None:
    nav.follow()
    view = as_of.view_of(here(), slug, state)
    now = view.here
    seen = None if view.missing else read_selected(now, slug, state, at=view.at)
    clicks(lambda click: clicked(slug, state, click), key=f"clicks:{slug}")
    if seen is None and state.as_of is not None:
        with body("centre"):
            as_of.banner(now, state, view, found=False)
        return
    if seen is None:
        _nobody(now, now.catalog.module(slug), state)
        return
    spot = _spot(now, seen, state, view.at)
    panels = _panels(now, slug, seen.record["folder"])
    writes = not spot.locked and any(panel.slug == MESSAGES for panel in panels)
    with head("centre"):
        on_mail = (lambda: _write_mail(slug, state, seen)) if writes else None
        workspace_head.draw(
            now, seen, panels, spot.panel, state, locked=spot.locked, at=view.at, on_mail=on_mail
        )
    with body("centre"):
        as_of.banner(now, state, view, found=True)
        if not spot.locked:
            edits.draw(now, seen)
            call_log.draw(now, seen)
        section_of(spot.panel.slug).draw(spot)
        everything.draw(spot)
        if not spot.locked:
            forms.new_beside(now, slug)
    if seen.badges.unread and not spot.locked:
        marks_of(now.lake).mark(record_id=seen.record["id"], actor=now.actor)


def _write_mail(slug: str, state: WorkspaceState, seen: Head) -> None:
    open_section(slug, state, MESSAGES)
    mailing.write(seen)
    redraw("centre")


def _nobody(now: Here, module: Module, state: WorkspaceState) -> None:
    if state.selected is not None:
        no_such_record(now, module, state.selected, key=f"nothing:{module.slug}")
        return
    if state.empty:
        no_records(now, module, key=f"nothing:{module.slug}")
        return
    nothing(
        f"No {module.one.lower()} selected", "Choose one on the left.", icon_name=module.icon,
        key=f"nothing:{module.slug}",
    )  # fmt: skip


def clicked(slug: str, state: WorkspaceState, click: Click) -> None:
    """Do what a click on a marked element means, and draw the panels that it concerns."""
    if not _known(slug):
        redraw("left", "centre", "right")
    match click.verb, click.values:
        case "section", (section,):
            open_section(slug, state, section)
        case (("edit" | "add"), _) if _locked(here(), state):
            pass
        case "edit", (section,):
            state.editing.add(section)
        case "open", (module, target) if record_id(target):
            if module == slug:
                workspace_list.select(state, target)
            nav.go(module, target, **as_of.in_url(state))
        case "list", (module,):
            nav.go(module)
        case "all", (module, reference) if _leads_here(here(), slug, module, reference):
            everything.open_table(module, reference, str(state.selected))
        case "narrow", (*what,):
            workspace_narrow.clicked(slug, state, what)
        case "add", (module, _):
            forms.ask_new(module, about=(slug, str(state.selected)))
        case _:
            _told_section(slug, state, click)
    # The panel that heard the click is drawn anew by itself: to ask for it would be another run.


def _leads_here(now: Here, slug: str, module: str, reference: str) -> bool:
    """Whether a module has such a reference to this one: what a browser says is looked at first."""
    known = now.catalog.reference(module, reference) if module in now.catalog.modules else None
    return known is not None and known.targets == (slug,)


def open_section(slug: str, state: WorkspaceState, section: str) -> None:
    """Show another section of the record, and put it into the address."""
    if any(panel.slug == section for panel in _panels(here(), slug, None)) or section == state.section:
        state.section = section
        state.within.clear()
        bases.keep(())
        set_url(section=None if section == OVERVIEW else section)


def _told_section(slug: str, state: WorkspaceState, click: Click) -> None:
    """A click in the heading, or of the open section's own."""
    view = as_of.view_of(here(), slug, state)
    seen = None if view.missing else read_selected(view.here, slug, state, at=view.at)
    if seen is not None:
        spot = _spot(view.here, seen, state, view.at)
        if side_tags.clicked(spot.here, seen, state, click, locked=spot.locked):
            return
        if not spot.locked and header_actions.clicked(spot.here, seen, state, click):
            return
        heard = section_of(spot.panel.slug).clicked
        if heard is not None:
            heard(spot, click)


def _right(slug: str, state: WorkspaceState) -> None:
    view = as_of.view_of(here(), slug, state)
    seen = None if view.missing else read_selected(view.here, slug, state, at=view.at)
    if seen is None:
        return
    with body("right"):
        side.draw(
            view.here, seen, panels=_panels(view.here, slug, seen.record["folder"]),
            locked=_locked(view.here, state), at=view.at, filtered=state.tag,
        )  # fmt: skip
