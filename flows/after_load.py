"""What follows a load: its flows run at once where nobody else follows the feed."""

from dataclasses import replace

from crm_core.loading import LoadResult
from flows.runner import run_until_current
from lake import Lake


def settle_load(lake: Lake, result: LoadResult) -> LoadResult:
    """Work through what the load set off, unless another process does; mail is never waited for.

    Returns:
        The result with the number of messages that are held for a person, as far as they were made here.
    """
    reports = run_until_current(lake)
    return replace(result, held_messages=sum(report.held for report in reports))
