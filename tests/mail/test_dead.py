"""Dead letters: kept with their reason, and read again."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.errors import Forbidden
from crm_core.mail.arrivals import Arrival, prepare
from crm_core.mail.dead import import_files, list_dead, retry
from crm_core.mail.errors import UnknownLetter
from crm_core.mail.store import store_all, store_letter
from tests.mail.conftest import ADMIN, Office
from tests.mail.letters import letter


def test_mail_that_breaks_a_rule_waits_and_stops_nobody_of_its_set(own_office: Office) -> None:
    lake, first = own_office.lake, own_office.take(letter(message_id="<root@a.example>"))
    before = copy.deepcopy(read_catalog(lake).stored["module", "inquiries"].document)
    strict = copy.deepcopy(before)
    strict["fields"] = [*strict["fields"], {"slug": "contract", "kind": "text", "required": True}]
    save(lake, [("module", strict)], actor=ADMIN)
    answer = letter("An answer", In_Reply_To="<root@a.example>")
    arrivals = [
        Arrival(raw, "smtp", "ida@shipper.example") for raw in (letter("new"), answer, letter("newer"))
    ]
    taken = store_all(lake, arrivals, files=own_office.files)
    assert [one.state for one in taken] == ["dead", "stored", "dead"]
    assert "ontract" in str(taken[0].reason)
    assert taken[1].record_id == first.record_id
    save(lake, [("module", before)], actor=ADMIN)
    again = retry(lake, actor=ADMIN, files=own_office.files)
    assert [one.state for one in again] == ["stored", "stored"]
    assert list_dead(lake, actor=ADMIN) == []
    assert own_office.count("ops", "mail_in") == 4


def test_a_letter_is_read_again_under_its_own_id(office: Office) -> None:
    arrival = Arrival(letter("Read me"), "smtp", "ida@shipper.example")
    ready = prepare(office.lake, arrival, files=office.files)
    dead = store_letter(office.lake, replace(ready, mail=None, problem="an older version could not read it"))
    [listed] = [one for one in list_dead(office.lake, actor=ADMIN) if one.id == dead.id]
    assert (listed.reason, listed.size) == ("an older version could not read it", len(arrival.raw))
    [taken] = retry(office.lake, actor=ADMIN, files=office.files, ids=[dead.id])
    assert (taken.id, taken.state) == (dead.id, "stored")
    with pytest.raises(UnknownLetter):
        retry(office.lake, actor=ADMIN, files=office.files, ids=[dead.id])


def test_files_of_mail_are_taken_in_once(office: Office, tmp_path: Path) -> None:
    one, many = tmp_path / "one.eml", tmp_path / "many.mbox"
    one.write_bytes(letter("Single"))
    box = b"".join(b"From ida Mon Mar  2 10:00:00 2026\n" + letter(str(n)) + b"\n\n" for n in range(3))
    many.write_bytes(box.replace(b"\r\n", b"\n"))
    first = import_files(office.lake, [one, many], actor=ADMIN, files=office.files)
    again = import_files(office.lake, [one, many], actor=ADMIN, files=office.files)
    assert (first.stored, first.dead, first.ignored) == (4, 0, 0)
    assert (again.stored, again.dead, again.ignored) == (0, 0, 4)


def test_only_administrators_see_dead_letters(office: Office) -> None:
    with pytest.raises(Forbidden):
        list_dead(office.lake, actor=Actor("grace", "agent"))
