"""What the code offers stands in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_core.settings import ALLOWED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("setting", sorted(ALLOWED))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`MERGANSER_{setting.upper()}`" in (ROOT / "docs/settings.md").read_text()


@pytest.mark.parametrize(
    "page", ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").rglob("*.md")))]
)
def test_a_link_to_a_file_of_ours_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+?)\)", (ROOT / page).read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (ROOT / page).parent.joinpath(target).exists(), (
                f"{page} links to {target}, which is not there"
            )
