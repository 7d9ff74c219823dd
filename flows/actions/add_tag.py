"""Give the record tags that it may have already."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from flows.actions.changing import Changing, one_or_more


class AddTag(Changing):
    """`add_tag: vip` or `add_tag: [vip, "{{ channel }}"]`; those that it has stay, each once."""

    key: ClassVar[str] = "add_tag"
    tags: tuple[str, ...]

    @classmethod
    def read(cls, options: Any) -> Self:
        return cls(tags=one_or_more(options, key=cls.key, member="tags"))

    def options(self) -> Any:
        return list(self.tags)

    @property
    def values(self) -> Mapping[str, Any]:
        return {"tags": {"add": list(self.tags)}}
