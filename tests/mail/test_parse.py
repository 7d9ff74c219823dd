"""Odd mail, and what is read in it."""

from __future__ import annotations

from email.utils import formataddr, getaddresses
from typing import Any

import pytest

from crm_core.mail.errors import MailUnreadable
from crm_core.mail.parse import read_mail
from flows.drafts import read_addresses

HEAD = b"From: Ida <ida@a.example>\nSubject: S\nMIME-Version: 1.0\n"


def plain(body: bytes, kind: str = "text/plain", encoding: str = "8bit") -> bytes:
    return HEAD + f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body


def parts(*each: bytes, kind: str = "mixed") -> bytes:
    joined = b"".join(b"--B\n" + one + b"\n" for one in each)
    return HEAD + f'Content-Type: multipart/{kind}; boundary="B"\n\n'.encode() + joined + b"--B--\n"


TEXT, HTML = b"Content-Type: text/plain\n\nPlain", b"Content-Type: text/html\n\n<p>Rich</p>"
FILE = b'Content-Type: application/pdf; name="../../etc/passwd"\n\nPDF'

NESTED = b'Content-Type: multipart/alternative; boundary="C"\n\n--C\n' + TEXT + b"\n--C\n" + HTML + b"\n--C--"

TEXTS = {
    "UTF-8": (plain("Grüße".encode(), 'text/plain; charset="utf-8"'), "Grüße"),
    "Latin-1 that is Windows": (plain("„Grüße“ €".encode("cp1252"), "text/plain; charset=iso-8859-1"), "„Grüße“ €"),
    "Latin-1 that is UTF-8": (plain("Grüße".encode(), "text/plain; charset=iso-8859-1"), "Grüße"),
    "Japanese": (plain("こんにちは".encode("iso2022_jp"), "text/plain; charset=iso-2022-jp"), "こんにちは"),
    "Chinese": (plain("你好，世界".encode("gb18030"), "text/plain; charset=gb2312"), "你好，世界"),
    "no charset": (plain("Grüße".encode()), "Grüße"),
    "a charset that is none": (plain("Grüße".encode(), "text/plain; charset=no-such-thing"), "Grüße"),
    "a charset that is no text": (plain(b"Hello", "text/plain; charset=hex"), "Hello"),
    "quoted-printable, cut": (plain(b"a=3Db=\nc=", encoding="quoted-printable"), "a=bc"),
    "base64, cut": (plain(b"SGVsbG8gd29ybG", encoding="base64"), "Hello worl"),
    "an encoding that is none": (plain(b"Hello", encoding="x-what"), "Hello"),
    "U+0000": (plain(b"a\x00b"), "ab"),
    "only HTML": (plain(b"<p>One<br>two &amp; three</p><script>x()</script>", "text/html"), "One\ntwo & three"),
    "both": (parts(TEXT, HTML, kind="alternative"), "Plain"),
    "two texts": (parts(TEXT, b"Content-Type: text/plain\n\nMore"), "Plain\n\nMore"),
    "text and HTML one after the other": (parts(TEXT, HTML), "Plain\n\nRich"),
    "parts within parts": (parts(NESTED, FILE), "Plain"),
    "a boundary that never comes": (HEAD + b'Content-Type: multipart/mixed; boundary="Z"\n\nlost words', "lost words"),
    "no body": (HEAD, ""),
    "a mailbox's first line": (b"From ida Mon Mar  2 10:00:00 2026\n" + plain(b"Hello"), "Hello"),
    "lines ended by CR LF": (plain(b"one\ntwo").replace(b"\n", b"\r\n"), "one\ntwo"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_the_words_of_a_message(raw: bytes, text: str) -> None:
    assert read_mail(raw).text == text


SUBJECTS = {
    "quoted": ("=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Oslo?=", "Grüße aus Oslo"),
    "a character split between two words": ("=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
    "words and text": ("Re: =?iso-8859-1?q?Gr=FC=DFe?= again", "Re: Grüße again"),
    "base64 without its end": ("=?utf-8?b?SGVsbG8?=", "Hello"),
    "a charset that is none": ("=?x-what?q?Hello?=", "Hello"),
    "a word that is none": ("=?utf-8?x?Hello?=", "=?utf-8?x?Hello?="),
    "folded": ("one\n\ttwo\n three", "one two three"),
    "an attempt at a further header": ("=?utf-8?q?a=0D=0ABcc:_x@y.example?=", "a Bcc: x@y.example"),
    "empty": ("", "(no subject)"),
}


@pytest.mark.parametrize(("given", "subject"), SUBJECTS.values(), ids=SUBJECTS.keys())
def test_a_subject_is_one_decoded_line(given: str, subject: str) -> None:
    assert read_mail(f"From: a@b.example\nSubject: {given}\n\nx".encode()).subject == subject


def test_bytes_in_a_header_are_read_as_they_look() -> None:
    for charset in ("utf-8", "cp1252"):
        assert (
            read_mail("From: a@b.example\nSubject: Grüße an alle\n\nx".encode(charset)).subject
            == "Grüße an alle"
        )


ADDRESSES = {
    "a name": ("Ida Berg <ida@a.example>", "Ida Berg", "ida@a.example"),
    "an encoded name": ("=?utf-8?q?J=C3=B6rg?= <j@a.example>", "Jörg", "j@a.example"),
    "a comma in it": ('"Berg, Ida" <ida@a.example>', "Berg, Ida", "ida@a.example"),
    "a comma in an encoded name": (
        "=?utf-8?q?J=C3=B6rg=2C_Ida?= <ida@a.example>",
        "Jörg, Ida",
        "ida@a.example",
    ),
    "an address in an encoded name": (
        "=?utf-8?q?boss=40b.example=2C?= <ida@a.example>",
        "boss@b.example,",
        "ida@a.example",
    ),
    "an encoded name within quotation marks": (
        '"=?utf-8?q?J=C3=B6rg=2C?= Ida" <ida@a.example>',
        "Jörg, Ida",
        "ida@a.example",
    ),
    "a comment": ("ida@a.example (Ida)", "Ida", "ida@a.example"),
    "two": ("Ida <ida@a.example>, Ole <ole@a.example>", "Ida", "ida@a.example"),
    "a broken one before": ("undisclosed-recipients:;, ida@a.example", "", "ida@a.example"),
}


@pytest.mark.parametrize(("given", "name", "address"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_sender_is_a_name_and_an_address(given: str, name: str, address: str) -> None:
    sender = read_mail(f"From: {given}\n\nx".encode()).sender
    assert sender is not None and (sender.name, sender.address) == (name, address)


def test_a_sender_is_kept_so_that_his_name_is_never_read_as_an_address() -> None:
    for name in ("Berg, Ida", "Ida <boss@b.example>", 'Ida "the boss" @ (work)', "Jörg"):
        sender = read_mail(f"From: {formataddr((name, 'ida@a.example'))}\n\nx".encode()).sender
        assert getaddresses([str(sender)]) == [(name, "ida@a.example")]
        assert read_addresses(str(sender)) == ("ida@a.example",)


def test_no_sign_turns_letters_around() -> None:
    pdf = b'Content-Type: text/plain\nContent-Disposition: attachment; filename="\xe2\x80\xaefdp.exe"\n\nMZ'
    mail = read_mail(parts(TEXT, pdf).replace(b"Subject: S", b"Subject: =?utf-8?b?4oCudHh0LmV4ZQ==?="))
    assert (mail.subject, mail.attachments[0].name) == ("txt.exe", "fdp.exe")


def test_nobody_and_no_date_are_no_fault() -> None:
    mail = read_mail(b"Subject: x\nFrom: nonsense\nDate: yesterday\nMessage-ID: no brackets\n\nx")
    assert (mail.sender, mail.date, mail.message_id) == (None, None, "<nobrackets>")


def test_names_of_files_lead_nowhere_and_a_message_within_one_is_a_file() -> None:
    inner = b"Content-Type: message/rfc822\n\nSubject: Inner\nFrom: a@b.example\n\nhello"
    picture = b"Content-Type: image/png\nContent-ID: <pic@x>\nContent-Transfer-Encoding: base64\n\niVBORw0="
    found = read_mail(parts(TEXT, FILE, inner, picture)).attachments
    assert [one.name for one in found] == ["passwd", "Inner.eml", "attachment-3.png"]
    assert found[1].content.endswith(b"hello") and found[2].content_id == "pic@x"


AUTOMATIC: dict[str, tuple[dict[str, str], bool | None]] = {
    "a person": ({}, None),
    "Auto-Submitted: no": ({"Auto-Submitted": "no"}, None),
    "an automatic reply": ({"Auto-Submitted": "auto-replied (vacation)"}, False),
    "made by a program": ({"Auto-Submitted": "auto-generated"}, True),
    "a list": ({"List-Id": "<dev.example>"}, True),
    "bulk": ({"Precedence": "bulk"}, True),
    "an answering machine of old": ({"X-Autoreply": "yes"}, False),
    "a null return path": ({"Return-Path": "<>"}, False),
    "a return path": ({"Return-Path": "<ida@a.example>"}, None),
    "a daemon": ({"From": "MAILER-DAEMON@mx.example"}, True),
    "nobody to answer": ({"From": "Shop <no-reply@shop.example>"}, True),
    "our own address": ({"From": "help@freight.example"}, False),
}


@pytest.mark.parametrize(("headers", "begins"), AUTOMATIC.values(), ids=AUTOMATIC.keys())
def test_machines_are_known(headers: dict[str, Any], begins: bool | None) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in ({"From": "ida@a.example"} | headers).items())
    found = read_mail(f"{head}\nx".encode(), own={"help@freight.example"}).automatic
    assert (found.begins if found else None) is begins


def test_the_envelope_counts_before_the_return_path() -> None:
    raw = b"From: ida@a.example\nReturn-Path: <ida@a.example>\n\nx"
    assert read_mail(raw, envelope_from="").automatic is not None
    assert read_mail(raw, envelope_from="ida@a.example").automatic is None


def test_what_has_no_end_is_refused() -> None:
    many = parts(*[TEXT] * 1100)
    deep = HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(400)
    )
    for raw in (b"", b"   \n", b"\n\nonly a body", many, deep):
        with pytest.raises(MailUnreadable):
            read_mail(raw)
