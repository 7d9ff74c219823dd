"""What a file shows of itself in a page: a picture, a PDF, a sound or a film by the browser, text as text."""

from __future__ import annotations

from crm_core import files, media
from crm_core.access import Actor
from pages._ui import html
from pages._ui.frames import frame

LONGEST = 20_000
"""Characters of a text that are shown."""

_ICONS = {
    "image": "image", "pdf": "picture_as_pdf", "audio": "graphic_eq", "video": "movie", "text": "description",
    "page": "code", "program": "warning", "archive": "folder_zip", "office": "article", "empty": "draft",
}  # fmt: skip
_COLORS = {
    "image": "violet",
    "pdf": "red",
    "audio": "teal",
    "video": "teal",
    "program": "red",
    "office": "blue",
}


def symbol(media_type: str | None) -> html.Html:
    """The symbol of a kind of file."""
    family = media.family(media_type or "")
    return html.icon(_ICONS.get(family, "attach_file"), color=_COLORS.get(family, "gray"))


def warning(name: str, media_type: str | None) -> html.Html:
    """What a person is told of a file that is not what its name says; nothing of any other."""
    told = media.mismatch(name, media_type or "") if media_type else ""
    return html.badge(told, color="red") if told else html.Html("")


def download(file_id: str, *, actor: Actor, label: html.Text = "Download") -> html.Html:
    """A link by which a browser takes a file away."""
    address = f"{files.address(file_id, actor=actor)}?download=1"
    return html.Html('<a class="m-link" href="{}" download>{}</a>').format(address, label)


def opened(file_id: str, told: files.Told, *, actor: Actor) -> html.Html:
    """A file by its name, which opens it beside the page, or takes it away where it cannot be shown."""
    made = html.Html('<a class="m-link" href="{}" target="_blank" rel="noopener">{}</a>')
    link = made.format(files.address(file_id, actor=actor), told.name)
    return html.join([symbol(told.media_type), link, warning(told.name, told.media_type)], between=" ")


def small(file_id: str | None, *, actor: Actor) -> str:
    """The address of a file as a small picture; empty for no file."""
    return f"{files.address(file_id, actor=actor)}/small" if file_id else ""


def player(file_id: str, *, actor: Actor, title: str) -> html.Html:
    """A sound that is loaded only when it is played."""
    return html.Html(
        '<audio class="m-audio" controls preload="none" src="{}" aria-label="{}"></audio>'
    ).format(files.address(file_id, actor=actor), title)


def preview(kept: files.Kept, *, actor: Actor) -> html.Html:
    """A file as it can be shown without running anything of it; a sentence where it cannot."""
    head = media.read_head(kept.place)
    shown = media.shown_as(head) or ""
    address = files.address(str(kept.record["id"]), actor=actor)
    match media.family(shown.partition(";")[0]):
        case "image":
            return html.Html('<img class="m-shown" src="{}" alt="{}">').format(address, kept.name)
        case "pdf":
            return frame(address, title=kept.name)
        case "audio":
            return player(str(kept.record["id"]), actor=actor, title=kept.name)
        case "video":
            return html.Html('<video class="m-shown" controls preload="metadata" src="{}"></video>').format(
                address
            )
        case "text" | "page":
            return _text(kept)
    if media.family(media.sniff(head)) in ("page", "text"):
        return _text(kept)
    return html.Html('<div class="m-none">{}</div>').format(
        "This kind of file is not shown here. Download it to open it."
    )


def _text(kept: files.Kept) -> html.Html:
    """The beginning of a text, as it is written: markup too."""
    with kept.place.open("rb") as file:
        raw = file.read(4 * LONGEST)
    text = raw.decode(media.charset(raw[: media.HEAD]), "replace")
    rest = html.Html("<p>{}</p>").format("The rest is in the file.")
    cut = len(text) > LONGEST or len(raw) == 4 * LONGEST
    return html.Html('<div class="m-text"><pre>{}</pre>{}</div>').format(text[:LONGEST], rest if cut else "")
