"""Take tags from the record."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from flows.actions.changing import Changing, one_or_more


class RemoveTag(Changing):
    """`remove_tag: vip` or `remove_tag: [vip, "{{ channel }}"]`; one that it does not have is no error."""

    key: ClassVar[str] = "remove_tag"
    tags: tuple[str, ...]

    @classmethod
    def read(cls, options: Any) -> Self:
        return cls(tags=one_or_more(options, key=cls.key, member="tags"))

    def options(self) -> Any:
        return list(self.tags)

    @property
    def values(self) -> Mapping[str, Any]:
        return {"tags": {"remove": list(self.tags)}}
