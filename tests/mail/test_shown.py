"""The markup of a mail as it is looked at: hostile mails say their words, and do nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from crm_core.mail import shown

TRACKER = '<p>Hi &amp; bye<img src="https://t.example/p.gif" width=1></p>End'
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "onerror": '<img src=x onerror="alert(1)">',
    "javascript": '<a href="javascript:alert(1)">a</a>',
    "hidden javascript": '<a href=" &#1;java&#10;script:alert(1)">a</a>',
    "data page": '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    "css url": '<div style="background:url(https://t.example/c)">a</div>',
    "css import": "<style>@import 'https://t.example/i.css'; p { background: url(https://t.example/s) }</style>",
    "list picture": '<ul style="list-style:url(https://t.example/l)"><li>a</ul>',
    "cover": '<div style="position:fixed;inset:0;z-index:9">a</div>',
    "refresh": '<meta http-equiv="refresh" content="0;url=https://t.example/r">',
    "base": '<base href="https://t.example/">',
    "form": '<form action="https://t.example/f"><input name=password><button>Go</button></form>',
    "svg": '<svg onload="alert(1)"><image href="https://t.example/v"/></svg>',
    "svg in picture": '<img src="data:image/svg+xml;base64,PHN2Zy8+">',
    "frame": '<iframe src="https://t.example/i" srcdoc="<script>alert(1)</script>"></iframe>',
    "sheet": '<link rel=stylesheet href="https://t.example/s.css">',
    "film": '<video autoplay src="https://t.example/v.mp4" poster="https://t.example/p"></video>',
    "background": '<table background="https://t.example/b"><tr><td>a</table>',
    "srcset": '<img srcset="https://t.example/2x 2x"><picture><source srcset="https://t.example/q"></picture>',
    "tracker": '<img src="https://t.example/open.gif?who=ann" width=1 height=1>',
    "relative tracker": '<img src="//t.example/open.gif"><img src="/api/health">',
    "ours": '<b class="m-card" id="x" data-click="open:customers:x" data-frame="/api/files/x">a</b>',
    "math": "<math><mtext><table><mglyph><style><!--</style><img src=x onerror=alert(1)>",
}
_TAKES = {
    "src",
    "srcset",
    "background",
    "action",
    "poster",
    "data",
    "formaction",
    "srcdoc",
    "class",
    "id",
    "name",
}


class Marks(HTMLParser):
    """The tags and attributes of some markup, as a browser takes it apart."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("remote", [False, True], ids=["as it comes", "images shown"])
@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_mail_says_its_words_and_does_nothing(evil: str, remote: bool) -> None:
    cleaned = shown.clean(f"<p>Words</p>{evil}", remote=remote)
    assert "Words" in cleaned
    for tag, given in Marks(cleaned).found:
        assert tag in shown._TAGS and not any(name.startswith(("on", "data-")) for name in given)
        takes = set(given) & _TAKES
        assert not takes or (
            remote and tag == "img" and str(given["src"]).startswith("https://t.example/open")
        )
        assert "url(" not in (given.get("style") or "") and "position" not in (given.get("style") or "")
        assert (given.get("href") or "https:").startswith(("https:", "http:", "mailto:", "tel:"))


def test_a_mail_keeps_how_it_looks_and_its_links_lead_outside() -> None:
    cleaned = shown.clean(
        '<table bgcolor="#eee"><td style="color:red;padding:4px"><a href="https://a.example/">a</a></table>'
    )
    assert 'bgcolor="#eee"' in cleaned and "color:red" in cleaned and "padding:4px" in cleaned
    assert 'rel="noopener noreferrer nofollow"' in cleaned and 'target="_blank"' in cleaned


def test_pictures_within_the_mail_are_put_in_and_those_of_others_on_request() -> None:
    markup = '<img src="cid:logo%40x"><img src="cid:gone"><img src="https://t.example/a.png">'
    inside = {"logo@x": "data:image/png;base64,AA=="}
    assert shown.clean(markup, inside=inside) == '<img src="data:image/png;base64,AA=="><img><img>'
    assert 'src="https://t.example/a.png"' in shown.clean(markup, inside=inside, remote=True)
    assert shown.has_remote(markup) and not shown.has_remote(
        '<a href="https://t.example">a</a><img src="cid:a">'
    )


def test_markup_is_read_as_text() -> None:
    assert shown.as_text(TRACKER) == "Hi & bye\nEnd"
    assert shown.as_text("<style>p {}</style>a<br>b") == "a\nb"


def test_markup_of_endless_marks_is_shown_as_text_and_holds_nobody_up() -> None:
    bomb = "<b><div>" * 60_000 + "the end <script>evil()</script>"
    assert "<b>" not in shown.clean(bomb) and "<script" not in shown.clean(bomb)
    many = "<i>" * (shown.MOST_TAGS + 1) + "words &lt;b&gt;"
    assert shown.clean(many) == "<pre>words&#32;&lt;b&gt;</pre>" and shown.as_text(many) == "words <b>"
