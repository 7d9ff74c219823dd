"""Give the record another status."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from flows.actions.changing import Changing


class ChangeStatus(Changing):
    """`change_status: won`, or `change_status: {status: won}`: a status of the folder that the record is in."""

    key: ClassVar[str] = "change_status"
    status: str = Field(min_length=1)

    @classmethod
    def read(cls, options: Any) -> Self:
        if isinstance(options, str):
            return cls(status=options)
        if not isinstance(options, Mapping):
            raise ValueError(f"change_status takes a status, such as change_status: won; this is {options!r}")
        return cls.model_validate(dict(options))

    def options(self) -> Any:
        return self.status

    @property
    def values(self) -> Mapping[str, Any]:
        return {"status": self.status}
