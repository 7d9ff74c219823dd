"""Move the record to another folder."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from flows.actions.changing import Changing


class MoveFolder(Changing):
    """`move_folder: {folder: key_accounts, status: active}`, or `move_folder: key_accounts`.

    Without a status the record keeps its own where the folder has it, and else gets the one it starts with.
    """

    key: ClassVar[str] = "move_folder"
    folder: str = Field(min_length=1)
    status: str | None = None

    @classmethod
    def read(cls, options: Any) -> Self:
        if isinstance(options, str):
            return cls(folder=options)
        if not isinstance(options, Mapping):
            raise ValueError(
                f"move_folder takes a folder, such as {{folder: key_accounts}}; this is {options!r}"
            )
        return cls.model_validate(dict(options))

    def options(self) -> Any:
        return self.values if self.status else self.folder

    @property
    def values(self) -> Mapping[str, Any]:
        return {"folder": self.folder} | ({"status": self.status} if self.status else {})
