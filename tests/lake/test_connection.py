"""Opening a lake and reading it."""

from __future__ import annotations

from lake import Change, Lake, Transaction

BY = Change(actor="anna", door="test")


def test_what_one_commits_another_reads(lake: Lake) -> None:
    def work(tx: Transaction) -> int:
        tx.execute('CREATE TABLE "lake"."crm"."notes" (id integer, body varchar)')
        return tx.execute('INSERT INTO "lake"."crm"."notes" VALUES (?, ?), (2, NULL)', [1, "it's"])

    before = lake.snapshot()
    done = lake.commit(work, Change(actor="anna", door="test"))
    assert (done.value, done.snapshot) == (2, before + 1)
    assert lake.read('FROM "lake"."crm"."notes" ORDER BY id').rows() == [(1, "it's"), (2, None)]
