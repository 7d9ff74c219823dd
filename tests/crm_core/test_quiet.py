"""What is only kept for somebody moves the snapshot, and not what pages show."""

from crm_core.preferences import keep_preference
from crm_core.quiet import shown_since
from crm_core.reading import ReadMarks
from tests.crm_core.conftest import ADMIN, Crm


def test_only_a_change_of_records_moves_what_is_shown(crm: Crm) -> None:
    before = shown_since(crm.lake)
    keep_preference(crm.lake, "fold.left", True, actor=ADMIN)
    quiet = shown_since(crm.lake)
    assert quiet[0] > before[0] and quiet[1] == before[1]
    customer = crm.create(name="Ada")
    loud = shown_since(crm.lake)
    assert loud == (crm.lake.snapshot(), crm.lake.snapshot())
    marks = ReadMarks(crm.lake)
    marks.mark_looked(record_id=customer, actor=ADMIN)
    marks.close()
    assert shown_since(crm.lake) == (crm.lake.snapshot(), loud[1])
    assert crm.lake.snapshot() > loud[1]
