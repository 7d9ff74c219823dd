"""Files of a customer: how many, and how many bytes, of those that the person may see."""

from __future__ import annotations

from crm_core import records
from crm_core.access import Actor
from tests.crm_core.conftest import ADMIN
from tests.crm_core.figures.conftest import Book


def test_files_are_counted_and_their_bytes_added_up(book: Book) -> None:
    assert book.shown("files") == [("Files", 0, ""), ("Together", 0, "")]
    sizes = {"a.txt": 12, "b.pdf": 4_000_000_000, "c.bin": None}
    for name, size in sizes.items():
        book.add("files", name=name, size=size)
    inquiry = book.add("inquiries", subject="With a paper")
    book.add("files", name="of a message.txt", size=7, about={"module": "inquiries", "id": inquiry})
    gone = book.add("files", name="gone.txt", size=100)
    records.delete(book.crm.lake, module="files", record_id=gone, actor=ADMIN)
    stored = book.rows("files")
    assert book.shown("files") == [
        ("Files", len(stored), ""),
        ("Together", sum(r["size"] or 0 for r in stored), ""),
    ]
    assert {row["name"] for row in book.ask("files").rows} == {row["name"] for row in stored}


def test_who_may_not_see_the_customer_is_told_of_no_file(book: Book) -> None:
    book.add("files", name="a.txt", size=12)
    temp = Actor("temp", "agent")
    assert (book.ask("files", actor=temp).total, book.ask("files", actor=temp).bytes) == (1, 12)
    book.change("customers", book.customer, folder="key_accounts")
    assert (book.ask("files", actor=temp).total, book.ask("files").total) == (0, 1)
