"""The grid takes from a browser only what it showed."""

from __future__ import annotations

from typing import Any

import pytest

from pages._ui.grid import Answer, functions, height_of, pages_of, read_answer

OFFERED, KNOWN = frozenset({"1", "2"}), frozenset({"name"})


def test_ids_and_columns_that_were_not_shown_are_dropped() -> None:
    sent = {"event": "sortChanged", "selected": ["1", "9"], "sort": ["-name", "secret"], "opened": "9"}
    assert read_answer(sent, offered=OFFERED, known=KNOWN) == Answer("sortChanged", ("1",), ("-name",), None)


@pytest.mark.parametrize("sent", [None, "x", [], {}, {"event": 7}], ids=str)
def test_what_is_no_answer_of_ours_is_dropped(sent: Any) -> None:
    assert read_answer(sent, offered=OFFERED, known=KNOWN) is None


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (1_248, 25)])
def test_pages(total: int, pages: int) -> None:
    assert pages_of(total, 50) == pages


def test_the_grid_is_as_high_as_its_rows_up_to_a_limit() -> None:
    assert height_of(0) == height_of(1) < height_of(5) < height_of(50) == height_of(500)


def test_every_function_of_the_script_is_found() -> None:
    assert set(functions()) == {
        *("keep_order", "row_id", "badge", "editor", "ready", "resume", "keys", "leave", "worth", "answer")
    }
    assert all("//" not in text for text in functions().values())
