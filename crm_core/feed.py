"""A timeline as one scrolls through it: pages one behind the other, of which each is read once.

    feed = begin(read)                    # read(limit=…, after=…) is `read_timeline` about one record
    feed = longer(feed, read)             # the next page, by the cursor of the last
    feed = again(feed, read)              # as much as is shown, as it is now, in one statement

What arrives on top while one scrolls moves nothing further down, since a page begins behind an entry and not at a
place. An entry whose date is moved below the cursor meanwhile is shown where it was, and not once more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from crm_core.timeline import Entry, TimelinePage

PAGE = 40
Page = tuple[Entry, ...]
Read = Callable[..., TimelinePage]


@dataclass(frozen=True)
class Feed:
    """The pages that are shown, newest first, the cursor of the next, and what is pinned."""

    pages: tuple[Page, ...]
    next: str | None
    pinned: Page = ()

    @property
    def entries(self) -> Page:
        """All entries that are shown."""
        return tuple(entry for page in self.pages for entry in page)


def begin(read: Read, *, pages: int = 1) -> Feed:
    """Read the first pages, in one statement."""
    found = read(limit=PAGE * pages)
    parts = [found.entries[at : at + PAGE] for at in range(0, len(found.entries), PAGE)]
    return Feed(tuple(parts), found.next, found.pinned)


def longer(feed: Feed, read: Read) -> Feed:
    """Read the page behind those that are shown; without one the feed stays as it is."""
    if feed.next is None:
        return feed
    found = read(limit=PAGE, after=feed.next)
    shown = {(entry.kind, entry.id) for entry in feed.entries}
    fresh = tuple(entry for entry in found.entries if (entry.kind, entry.id) not in shown)
    return Feed((*feed.pages, fresh), found.next, feed.pinned)


def again(feed: Feed, read: Read) -> Feed:
    """Read as many pages as are shown anew: what came, went or was changed since is seen."""
    return begin(read, pages=max(1, len(feed.pages)))
