"""Links of a many-to-many, loaded by the keys of both sides; a link that is there takes the new values."""

from __future__ import annotations

from crm_core.loading.job import Job
from crm_core.values.lookups import Runner


def prepare_links(job: Job, s: Runner) -> None:
    raise NotImplementedError


def commit_links(job: Job) -> int | None:
    raise NotImplementedError
