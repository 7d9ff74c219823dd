"""A workspace: the lake with its settings, opened once a process."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources

from crm_core import loading
from crm_core.access import Actor
from crm_core.definitions import apply_pack, read_catalog
from crm_core.drafts import drafts_of
from crm_core.errors import SettingInvalid
from crm_core.logs import redact
from crm_core.model import Catalog
from crm_core.pack_files import PackInvalid, shipped_packs
from crm_core.reading import marks_of
from crm_core.settings import Settings
from lake import Lake
from lake.closing import Closing
from lake.errors import SettingError


@dataclass(frozen=True)
class Workspace(Closing):
    """An open lake and the settings it was opened with."""

    lake: Lake
    settings: Settings

    @property
    def catalog(self) -> Catalog:
        """Every definition as it is now, changes by other processes included."""
        return read_catalog(self.lake)

    def close(self) -> None:
        """Write what waits to be written, then close the lake, whatever could not be written."""
        with ExitStack() as closing:
            closing.callback(self.lake.close)
            closing.callback(marks_of(self.lake).close)
            closing.callback(drafts_of(self.lake).close)


def open_workspace(settings: Settings, *, schemas: Sequence[str] = ()) -> Workspace:
    """Open the workspace, making it when it is not there: an empty lake gets the definitions of the pack.

    Args:
        settings: where it lives, and the pack an empty one begins with.
        schemas: further `schema.sql` texts, of packages above this one.

    Raises:
        SettingInvalid: The place or the pack cannot be used.
    """
    try:
        lake = Lake.open(settings.lake_config)
    except SettingError as error:
        raise SettingInvalid(
            f"MERGANSER_{error.setting.upper()}", error.received, redact(str(error))
        ) from error
    except OSError as error:
        allowed = f"a folder to write in ({error})"
        raise SettingInvalid("MERGANSER_HOME", str(settings.home), allowed) from error
    try:
        prepare(lake, schemas=schemas)
        if not read_catalog(lake).stored:
            _begin_with(lake, settings.pack)
    except BaseException:
        lake.close()
        raise
    return Workspace(lake, settings)


def prepare(lake: Lake, *, schemas: Sequence[str] = ()) -> None:
    """Create the domain's own tables, where they are missing."""
    own = resources.files("crm_core").joinpath("schema.sql").read_text(encoding="utf-8")
    lake.bootstrap("\n".join([own, loading.schema_sql(), *schemas]))


def _begin_with(lake: Lake, pack: str) -> None:
    try:
        apply_pack(lake, pack, actor=Actor.system())
    except PackInvalid as error:
        allowed = f"one of {', '.join(shipped_packs())}, or a YAML file"
        raise SettingInvalid("MERGANSER_PACK", pack, allowed) from error
