"""What the code offers stands in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_core.settings import ALLOWED

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").rglob("*.md")))]
_TARGET = r"(?:(?<=\]\()|(?<=src=\"))[^)#\"]+"
"""Where a link or a picture leads, in Markdown and in HTML."""


@pytest.mark.parametrize("setting", sorted(ALLOWED))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`MERGANSER_{setting.upper()}`" in (ROOT / "docs/settings.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_a_file_of_ours_leads_somewhere(page: str) -> None:
    for target in re.findall(_TARGET, (ROOT / page).read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (ROOT / page).parent.joinpath(target).exists(), (
                f"{page} links to {target}, which is not there"
            )


def test_pictures_are_few_and_small_and_each_is_shown() -> None:
    told = {Path(target).name for page in PAGES for target in re.findall(_TARGET, (ROOT / page).read_text())}
    kept = {one.name: one.stat().st_size for one in (ROOT / "docs/pictures").iterdir()}
    assert set(kept) <= told and len(kept) <= 16
    assert {name: size for name, size in kept.items() if not 0 < size <= 80_000} == {}
