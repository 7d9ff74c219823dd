"""Search forgives how something is written, finds it by whatever identifies it, and stays within what may be seen."""

from __future__ import annotations

import pytest

from crm_core.search import Hits, search_all, search_module
from crm_core.search_page import Window
from crm_core.similar import allowed
from tests.crm_core.views.conftest import ADMIN, AGENT, SELLER, Small

ID = "018f0000-1111-7000-8000-00000000abcd"
PEOPLE = [
    {
        "id": ID,
        "name": "Jörg Müller",
        "company": "Håkansson Logistik",
        "email": "joerg@haka.example",
        "tags": ["vip"],
    },
    {"name": "Martha Kowalczyk", "company": "Baltic Freight", "phone": "+493055570141"},
    {"name": "Zoë Quartermaine", "company": "Secret Shipping", "folder": "key"},
]
EXACTLY = {
    "without accents": "jorg muller",
    "with other accents": "hakansson",
    "by a tag": "vip",
    "by its id": ID,
    "by its id in capitals, without dashes": ID.replace("-", "").upper(),
    "by another address": "j.m@home",
}
NUMBERS = [
    "+49 30 555 70 141",
    "030/5557 0141",
    "0049 (0)30 555 70 141",
    "(030) 55570-141",
    "5557 0141",
    "martha 030 55570",
]
NEARLY = {
    "two letters changed places": ("mülelr", "Jörg Müller"),
    "a letter is missing": ("Martha Kowalczk", "Martha Kowalczyk"),
    "a letter too many": ("balltic", "Martha Kowalczyk"),
    "two wrong letters in a long word": ("kowaltzik", "Martha Kowalczyk"),
    "typed up to its middle": ("kowlac", "Martha Kowalczyk"),
    "one word right, one wrong": ("martha frieght", "Martha Kowalczyk"),
    "an address": ("joreg@haka", "Jörg Müller"),
    "a digit of a number": ("030 55570142", "Martha Kowalczyk"),
}
UNLIKE = ["xyzzy", "martha müller", "50%", "'", "(", "\\", "ab", "k" * 300, "مرحبا", "😀"]


def filled(small: Small, *, served: bool) -> Small:
    """Three people, one of whom only sales sees, one with a further address; through the serving copy or without."""
    first, *_ = small.put("customers", *PEOPLE)
    small.put(
        "contact_points", {"value": "J.M@home.example", "standardised": "j.m@home.example", "customer": first}
    )
    if served:
        small.lake.start_mirror()
        search_module(small.lake, small.catalog, module="customers", actor=ADMIN)
    return small


def find(small: Small, words: str, *, actor: object = ADMIN) -> Hits:
    return search_module(
        small.lake,
        small.catalog,
        module="customers",
        actor=actor,
        words=words,
        similar=True,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("served", [True, False], ids=["served", "from the lake"])
def test_what_is_written_otherwise_is_found_as_it_is(small: Small, served: bool) -> None:
    filled(small, served=served)
    assert {way: [hit.title for hit in find(small, words).items] for way, words in EXACTLY.items()} == {
        way: ["Jörg Müller"] for way in EXACTLY
    }
    assert {number: [hit.title for hit in find(small, number).items] for number in NUMBERS} == {
        number: ["Martha Kowalczyk"] for number in NUMBERS
    }


@pytest.mark.parametrize("served", [True, False], ids=["served", "from the lake"])
def test_what_is_nearly_right_is_found_after_what_is_right(small: Small, served: bool) -> None:
    filled(small, served=served)
    found = {way: find(small, words) for way, (words, _) in NEARLY.items()}
    assert {way: (hits.total, [hit.title for hit in hits.similar]) for way, hits in found.items()} == {
        way: (0, [title]) for way, (_, title) in NEARLY.items()
    }
    assert all(hit.similar for hits in found.values() for hit in hits.similar)
    assert "muller" in found["two letters changed places"].marks


def test_nothing_that_is_typed_breaks_the_search(small: Small) -> None:
    filled(small, served=True)
    found = {words: find(small, words) for words in UNLIKE}
    assert {
        words: (hits.total, hits.similar) for words, hits in found.items() if hits.total or hits.similar
    } == {}


def test_a_right_answer_stands_before_a_similar_one_and_comes_once(small: Small) -> None:
    small.put("customers", {"name": "Marta 771"}, {"name": "Martha 772"}, {"name": "Markus 773"})
    small.lake.start_mirror()
    found = {words: find(small, words) for words in ("marta", "mrata", "771", "martha 773")}
    assert {
        words: [[hit.title for hit in one] for one in (hits.items, hits.similar)]
        for words, hits in found.items()
    } == {
        "marta": [["Marta 771"], ["Martha 772"]],
        "mrata": [[], ["Marta 771"]],
        "771": [["Marta 771"], []],
        "martha 773": [[], []],
    }


@pytest.mark.parametrize("served", [True, False], ids=["served", "from the lake"])
def test_nobody_finds_by_a_near_word_what_is_closed_to_him(small: Small, served: bool) -> None:
    filled(small, served=served)
    seen = {
        actor.user: [hit.title for hit in find(small, "qartermaine", actor=actor).similar]
        for actor in (SELLER, AGENT)
    }
    assert seen == {"sue": ["Zoë Quartermaine"], "bob": []}
    assert search_all(small.lake, small.catalog, words="qartermaine", actor=AGENT) == ()


def test_words_follow_every_change_of_a_record_and_of_its_contact_points(small: Small) -> None:
    filled(small, served=True)
    small.change("customers", ID, name="Jörg Schmidt", tags=["vip", "harbour"])
    small.put("contact_points", {"value": "wharf@quay.example", "customer": ID})
    titles = {
        words: [hit.title for hit in find(small, words).similar]
        for words in ("mülelr", "schmdit", "harbuor", "wharv@quay")
    }
    assert titles == {"mülelr": []} | {
        words: ["Jörg Schmidt"] for words in ("schmdit", "harbuor", "wharv@quay")
    }


def test_a_hit_says_by_which_text_it_was_found(small: Small) -> None:
    filled(small, served=True)
    assert [hit.matched for hit in find(small, "j.m@home").items] == ["j.m@home.example"]
    assert [hit.matched for hit in find(small, "kowalzcyk").similar] == ["martha kowalczyk"]


def test_of_two_numbers_that_begin_alike_the_one_that_was_typed_is_told(small: Small) -> None:
    (made,) = small.put("customers", {"name": "Nils", "phone": "+494066969454"})
    small.put("contact_points", {"value": "+494066969629", "standardised": "+494066969629", "customer": made})
    small.lake.start_mirror()
    assert [hit.matched for hit in find(small, "040 6696 9629").items] == ["+494066969629"]
    assert [hit.matched for hit in find(small, "040 6696 9454").items] == ["+494066969454"]


def test_the_palette_finds_what_is_similar_after_what_holds_the_words(small: Small) -> None:
    filled(small, served=True)
    small.put("tasks", {"title": "Ask Martah"})
    found = search_all(small.lake, small.catalog, words="martah", actor=ADMIN)
    assert [(hit.title, hit.similar) for hit in found] == [("Ask Martah", False), ("Martha Kowalczyk", True)]


@pytest.mark.parametrize("sort", ["-credit", "credit", "name", "-updated_at"])
def test_windows_beside_each_other_give_every_record_once_in_both_directions(small: Small, sort: str) -> None:
    amounts = [None, 5, 5, 1, None, 9, 5]
    small.put("customers", *[{"name": f"P{n}", "credit": amount} for n, amount in enumerate(amounts)])
    whole = [hit.id for hit in read(small, sort, Window(50)).items]
    down, window = [], Window(2)
    while (hits := read(small, sort, window)).places is not None:
        down += [hit.id for hit in hits.items]
        window = Window(2, after=hits.places[1], counted=False)
    up, window = [], Window(3, offset=6)
    while (hits := read(small, sort, window)).places is not None:
        up = [hit.id for hit in hits.items] + up
        window = Window(3, before=hits.places[0], counted=False)
    assert down == whole == up


def read(small: Small, sort: str, window: Window) -> Hits:
    return search_module(small.lake, small.catalog, module="customers", actor=ADMIN, sort=sort, window=window)


@pytest.mark.parametrize(
    ("word", "off"), [("ab", 0), ("ann", 1), ("martha", 1), ("kowalczyk", 2), ("c123", 1), ("123", 0)]
)
def test_longer_words_may_be_further_off(word: str, off: int) -> None:
    assert allowed(word) == off
