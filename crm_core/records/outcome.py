"""What a write gave."""

from dataclasses import dataclass

from crm_core.shape import Record


@dataclass(frozen=True)
class Created:
    """New records: their ids in the order of their values, and the snapshot that has them."""

    ids: tuple[str, ...]
    version: int
    change_id: str

    @property
    def id(self) -> str:
        """The id of the only record, or of the first."""
        return self.ids[0]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ids)


@dataclass(frozen=True)
class Sample:
    """One record as it is and as it would be."""

    id: str
    before: Record
    after: Record


@dataclass(frozen=True)
class Changed:
    """Records that are other than before. Those that were as wanted already are counted, and keep their version.

    `samples` are some of them, when a dry run was asked for any.
    """

    ids: tuple[str, ...]
    version: int
    change_id: str
    unchanged: int = 0
    samples: tuple[Sample, ...] = ()

    @property
    def count(self) -> int:
        """How many changed, or would have on a dry run."""
        return len(self.ids)
