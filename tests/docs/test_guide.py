"""The guide speaks with the words that stand on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
FACES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [ROOT / "app.py", *(ROOT / "pages/_ui").glob("*.py"), *(ROOT / "crm_core/packs").rglob("*.yaml")]
)  # fmt: skip


@pytest.mark.parametrize("words", sorted(set(re.findall(r"\*\*([^*]+)\*\*", GUIDE))))
def test_a_word_that_the_guide_names_stands_on_the_screen(words: str) -> None:
    word, *_ = re.split(
        r" (?=(?:inquiry|customer)$)", words
    )  # "New inquiry" is "New" and the module's own word
    assert re.search(rf"\b{re.escape(word)}\b", FACES, re.IGNORECASE if words.isupper() else 0) or re.search(
        rf'"{re.escape(word.lower())}"', FACES
    )  # fmt: skip
