"""The sections of a profile, one file each: whatever lies in this folder and has a `SECTION` is one."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pages._ui.sections.base import ProfileSection


@cache
def sections() -> dict[str, ProfileSection]:
    """Every section that has a drawing of its own, by its slug."""
    names = [f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__)]
    found = [getattr(importlib.import_module(name), "SECTION", None) for name in names]
    return {section.slug: section for section in found if isinstance(section, ProfileSection)}


def section_of(slug: str) -> ProfileSection:
    """The drawing of a section; a list of its records where it has none of its own."""
    return sections().get(slug) or sections()["records"]
