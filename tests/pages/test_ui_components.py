"""What a browser sends is read with care; what the list shows decides when it is drawn again."""

from __future__ import annotations

from typing import Any

import pytest

from pages._ui import components, html
from pages._ui.components import Click, ListRow, parse_click


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(("customers", "42"), id="plain"),
        pytest.param(("a:b", "c/d %3A"), id="with the separators"),
        pytest.param(("Ünal",), id="not ASCII"),
        pytest.param((), id="none"),
    ],
)
def test_a_click_comes_back_as_it_was_marked(values: tuple[str, ...]) -> None:
    assert parse_click(html.click("open", *values)) == Click("open", values)


@pytest.mark.parametrize(
    "sent",
    [None, "", 7, {"verb": "open"}, "a\x00b", "x" * 501],
    ids=["nothing", "empty", "a number", "an object", "a NUL", "too long"],
)
def test_what_is_no_click_of_ours_is_dropped(sent: Any) -> None:
    assert parse_click(sent) is None


def test_the_version_changes_with_what_is_shown() -> None:
    one = components._row_data(ListRow(id="1", title="Ada"))
    other = components._row_data(ListRow(id="1", title="Ada", unread=1))
    assert components.version([one], False) == components.version([dict(one)], False)
    assert len({components.version(rows, more) for rows in ([one], [other]) for more in (True, False)}) == 4
