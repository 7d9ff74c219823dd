"""The first start of a server: a home that has no lake yet gets one with the demo, whole or not at all."""

import os
import shutil
from collections.abc import Callable

from crm_core.demo.make import SIZE, Progress, make_demo
from crm_core.settings import Settings
from crm_core.workspace import open_workspace
from lake import Lake

DEMO_PACK = "logistics"
_MAKING = ".demo-in-the-making"
_COMPLETE = "complete"
_CATALOG = "catalog.sqlite"
_PARTS = ("data", "files", _CATALOG)


def wants_demo(settings: Settings) -> bool:
    """Whether the home is without a lake, and the lake would be the demo's kind in the usual places.

    A folder of that name which is not ours is left alone.
    """
    home = settings.home.expanduser()
    elsewhere = settings.catalog or settings.data or settings.files
    if elsewhere or settings.pack != DEMO_PACK or (home / _CATALOG).exists():
        return False
    return (home / _MAKING).exists() or not any((home / part).exists() for part in _PARTS)


def make_first_demo(
    settings: Settings,
    *,
    size: int = SIZE,
    progress: Progress | None = None,
    then: Callable[[Lake], object] | None = None,
) -> None:
    """Make the demo beside its place and move it there once it is complete; a stop in between leaves no half.

    Args:
        settings: where it belongs.
        size: the number of customers.
        progress: is told how far it is.
        then: what is to be done with the lake once the demo is in it.

    Raises:
        SettingInvalid: The home cannot be written.
    """
    home = settings.home.expanduser().absolute()
    making = home / _MAKING
    if not (making / _COMPLETE).exists():
        shutil.rmtree(making, ignore_errors=True)
        there = settings.model_copy(update={"home": making})
        with open_workspace(there) as workspace:
            make_demo(workspace.lake, size=size, files=there.files_path, progress=progress)
            if then is not None:
                then(workspace.lake)
        (making / _COMPLETE).touch()
    # The catalog last: without it the home counts as empty, and the next start goes on from here.
    for part in _PARTS:
        if (making / part).exists():
            os.replace(making / part, home / part)
    shutil.rmtree(making)
