"""A flow that is written as YAML in its page."""

from __future__ import annotations

from tests.pages.conftest import Open, told


def test_what_is_written_as_yaml_is_saved_or_told_line_by_line(empty: Open) -> None:
    page = empty("pages/flows.py", flow="vip-by-spend")
    page.segmented_control(key="flows:view").set_value("YAML").run()
    [text] = page.text_area
    text.set_value(str(text.value) + "nope: 1\n")
    page.button(key="yaml:save").click().run()
    assert "nope is not known here" in told(page)
    [text] = page.text_area
    text.set_value(str(text.value).replace("nope: 1\n", "limit: 7\n"))
    page.button(key="yaml:save").click().run()
    assert not page.exception
    assert [toast.value for toast in page.toast] == ["The draft is saved"]
