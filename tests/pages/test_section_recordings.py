"""The section of calls: one is noted with its recording, which is played there."""

from __future__ import annotations

import pytest

from crm_core import uploads
from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told
from tests.pages.test_sections import figure, made

WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + b"\0" * 20


@pytest.fixture
def customer(empty_workspace: Workspace) -> str:
    """Somebody of whom nothing is known yet."""
    return made(empty_workspace, "customers", name="Ada Voice")


def test_a_call_is_noted_with_its_recording(empty: Open, empty_workspace: Workspace, customer: str) -> None:
    page = empty("customers", id=customer, section="recordings")
    page.button(f"recordings:ask:call:{customer}").click().run()
    form = f"recordings:call:1:{{}}:{customer}"
    with uploads.receiving(page.session_state[form.format("files") + ":box"], "voice.wav") as write:
        write(WAV)
    page.number_input(form.format("duration")).set_value(150)
    page.text_area(form.format("text")).set_value("Wants an <b>offer</b>")
    page.button(f"recordings:save:call:{customer}").click().run()
    assert not page.exception
    drawn = told(page)
    assert "Wants an &lt;b&gt;offer" in drawn and "<audio " in drawn and "2:30 min" in drawn
    assert figure(empty_workspace, "recordings", customer) == {
        "Calls this month": 1, "Spoken this month": 2, "Recorded": 1,
    }  # fmt: skip
    assert figure(empty_workspace, "files", customer)["Files"] == 1  # it is the customer's too
