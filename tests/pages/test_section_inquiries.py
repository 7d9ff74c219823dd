"""The section of inquiries: one is taken down, answered by mail, and closed with what a closed one must have."""

from __future__ import annotations

from crm_core.workspace import Workspace
from pages._ui.components import Click
from pages._ui.sections import section_of
from tests.pages.conftest import Open, told
from tests.pages.test_sections import click, figure, made, spot, status


def test_an_inquiry_is_taken_down_and_closed(empty: Open, empty_workspace: Workspace) -> None:
    ada = made(empty_workspace, "customers", name="Ada Asks", email="ada@asks.example")
    page = empty("customers", id=ada, section="inquiries")
    page.button(f"inquiries:ask:new:{ada}").click().run()
    page.text_input(f"inquiries:new:1:subject:{ada}").set_value("Freight to <b>Riga</b>")
    page.button(f"inquiries:save:new:{ada}").click().run()
    assert not page.exception and "Freight to &lt;b&gt;Riga" in told(page)
    assert figure(empty_workspace, "inquiries", ada)["Wait for an answer"] == 1
    here = spot(empty_workspace, "inquiries", ada)
    inquiry = made(empty_workspace, "inquiries", subject="Second", customer=ada)
    heard = section_of("inquiries").clicked
    assert heard is not None and heard(here, Click("close", (inquiry,)))
    assert here.state.within["closing"] == inquiry  # its outcome is asked for first
    page.session_state["page:workspace:customers"].within.update(here.state.within)
    page.run()
    page.selectbox(f"inquiries:close:1:outcome:{ada}").set_value("solved")
    page.button(f"inquiries:save:close:{ada}").click().run()
    assert not page.exception and status(empty_workspace, "inquiries", inquiry) == "closed"
    assert figure(empty_workspace, "inquiries", ada)["Open"] == 1


def test_who_only_looks_closes_nothing(empty_workspace: Workspace) -> None:
    ada = made(empty_workspace, "customers", name="Ada Locked")
    inquiry = made(empty_workspace, "inquiries", subject="Mine", customer=ada)
    click(empty_workspace, "inquiries", ada, "close", inquiry, locked=True)
    assert figure(empty_workspace, "inquiries", ada)["Open"] == 1
