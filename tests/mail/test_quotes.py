"""What somebody wrote himself, parted from what he quotes."""

from __future__ import annotations

import pytest

from crm_core.mail.quotes import own_words

FORWARDED = "---------- Forwarded message ---------\nFrom: a\n\nHi"
CASES = {
    "nothing quoted": ("Hello\n\nBob", "Hello\n\nBob"),
    "an English introduction": ("Yes.\n\nOn Mon, 2 Mar at 10:00, Ida <i@a.example> wrote:\n> No?\n> Sure?", "Yes."),
    "an introduction over two lines": ("Yes.\n\nOn Mon, 2 Mar at 10:00, Ida Berg\n<i@a.example> wrote:\n> No?", "Yes."),
    "a German one without marks": ("Ja.\n\nAm 02.03.2026 um 10:00 schrieb Ida <i@a.example>:\n\nNein?\nDoch?", "Ja."),
    "a French one": ("Oui.\n\nLe lun. 2 mars 2026 à 10:00, Ida <i@a.example> a écrit :\n> Non ?", "Oui."),
    "a Spanish one": ("Sí.\n\nEl lun, 2 mar 2026 a las 10:00, Ida (<i@a.example>) escribió:\n> ¿No?", "Sí."),
    "Outlook": ("Yes.\n\n_________________________\nFrom: Ida\nSent: Monday\nTo: Bob\nSubject: x\n\nNo?", "Yes."),
    "Outlook in German": ("Ja.\n\nVon: Ida\nGesendet: Montag\nAn: Bob\nBetreff: x\n\nNein?", "Ja."),
    "an original message": ("Yes.\n\n-----Original Message-----\nNo?", "Yes."),
    "answers between the lines": ("> One?\nYes.\n\n> Two?\nNo.", "Yes.\n\nNo."),
    "an answer below": ("Ida wrote at 10:00:\n> One?\n\nYes.", "Yes."),
    "a signature": ("Yes.\n\n-- \nBob\n+49 30 123", "Yes."),
    "a telephone": ("Yes.\n\nSent from my iPhone", "Yes."),
    "a list with hyphens": ("Please:\n- one\n- two", "Please:\n- one\n- two"),
    "a colon that introduces nothing": ("He wrote:\nhello", "He wrote:\nhello"),
    "only a forwarded message": (FORWARDED, FORWARDED),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "own"), CASES.values(), ids=CASES.keys())
def test_own_words_are_parted_from_quotations(text: str, own: str) -> None:
    assert own_words(text) == own


_PIECES = ["> a\n", "On 1 wrote\n", "From: a\n", "_" * 25 + "\n", "1@a:\n> \n", " " * 99, "-- \n"]


@pytest.mark.parametrize("piece", _PIECES)
def test_no_text_makes_it_run_away(piece: str) -> None:
    # An expression that looks over the whole text would take hours, and fall to the limit that every test has.
    assert len(own_words(piece * 100_000)) <= 200_000
