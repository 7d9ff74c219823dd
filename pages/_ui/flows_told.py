"""Steps of flows as people read them, one function an action. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.actions import Action
from pages._ui import words

if TYPE_CHECKING:
    from pages._ui.flows_words import FlowWords


@dataclass(frozen=True)
class Step:
    """One step in words: an icon with its colour, what is done, and the rest as label and value."""

    icon: str
    color: str
    title: str
    details: tuple[tuple[str, str], ...] = ()


def step_words(told: FlowWords, action: Action) -> Step:
    """One action in words; one that has none of its own is told as it is written."""
    return _TOLD.get(action.key, _told_plainly)(told, action)


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def _task(told: FlowWords, action: Action) -> Step:
    values = dict(action.options())
    title, assign = told.text(values.pop("title", "")), values.pop("assign", None)
    details = _pairs(told, "tasks", values)
    if assign:
        details = (("For", _whom(told, assign)), *details)
    return Step("add_task", "violet", f"Make a task “{title}”", details)


def _record(told: FlowWords, action: Action) -> Step:
    options = action.options()
    module = told.catalog.modules.get(options["module"])
    one = a(module.one.lower() if module else str(options["module"]))
    details = _pairs(told, options["module"], options["values"]) if module else ()
    return Step("note_add", "blue", f"Make {one}", details)


def _set(told: FlowWords, action: Action) -> Step:
    pairs = _pairs(told, told.flow.module, action.options())
    said = [f"{label} to {value}" if not value.startswith(("add ", "remove ")) else f"{label}: {value}"
            for label, value in pairs]  # fmt: skip
    return Step("edit", "orange", f"Set {_and(said)}")


def _mail(told: FlowWords, action: Action) -> Step:
    options = dict(action.options())
    to = told.text(options.pop("to", ""))
    template = told.catalog.templates.get(str(options.pop("template", "")))
    details = (
        [("Template", template.name or template.slug), ("Subject", told.text(template.subject))]
        if template
        else []
    )
    details += [(words.readable(key), told.text(value)) for key, value in options.items()]
    return Step("mail", "green", f"Send an e-mail to {to}", tuple(details))


_CHANNELS = {"sms": "an SMS", "whatsapp": "a WhatsApp message"}


def _message(told: FlowWords, action: Action) -> Step:
    options = dict(action.options())
    to, channel = told.text(options.pop("to", "")), str(options.pop("channel", ""))
    details = tuple((words.readable(key), told.text(value)) for key, value in options.items())
    return Step("sms", "green", f"Send {_CHANNELS.get(channel, channel)} to {to}", details)


def _webhook(told: FlowWords, action: Action) -> Step:
    options = dict(action.options())
    body = ", ".join(options.get("body") or ()) or "the record"
    return Step("webhook", "blue", f"Call {told.text(options['url'])}", (("With", body),))


def _status(told: FlowWords, action: Action) -> Step:
    return Step("flag", "orange", f"Set the status to {_named_status(told, str(action.options()))}")


def _named_status(told: FlowWords, slug: str) -> str:
    folders = told.catalog.module(told.flow.module).folders
    return next((one.name for folder in folders for one in folder.statuses if one.slug == slug), slug)


def _move(told: FlowWords, action: Action) -> Step:
    given = action.options()
    folder, status = (given, None) if isinstance(given, str) else (given["folder"], given.get("status"))
    found = told.catalog.module(told.flow.module).folder(folder)
    details = (("Status", _named_status(told, status)),) if status else ()
    return Step("drive_file_move", "orange", f"Move it to {found.name if found else folder}", details)


def _tag(told: FlowWords, action: Action) -> Step:
    return Step("label", "teal", f"Add {_tags(told, action)}")


def _untag(told: FlowWords, action: Action) -> Step:
    return Step("label_off", "teal", f"Remove {_tags(told, action)}")


def _tags(told: FlowWords, action: Action) -> str:
    tags = [told.text(tag) for tag in action.options()]
    return f"the tag{'s' if len(tags) > 1 else ''} {_and(tags)}"


def _assign(told: FlowWords, action: Action) -> Step:
    given = dict(action.options())
    if given.pop("owner", True):
        return Step("assignment_ind", "violet", f"Give it to {_whom(told, given)}")
    return Step("group_add", "violet", f"Add {_whom(told, given)} to its workers")


def _notify(told: FlowWords, action: Action) -> Step:
    given = action.options()
    named = [told.context.users.get(user, user) for user in given.get("users", ())]
    teams = [told.catalog.teams[team].name for team in given.get("teams", ()) if team in told.catalog.teams]
    own = [word for key, word in (("owner", "the owner"), ("workers", "the workers")) if given.get(key)]
    title = (("Title", told.text(given["title"])),) if given.get("title") else ()
    return Step(
        "notifications",
        "yellow",
        f"Tell {_and([*named, *teams, *own])} “{told.text(given['text'])}”",
        title,
    )


def _link(told: FlowWords, action: Action) -> Step:
    given = action.options()
    details = tuple(
        (words.readable(slug), told.text(value)) for slug, value in given.get("values", {}).items()
    )
    return Step(
        "link", "blue", f"Link {told.label(given['relationship'])} to {_end(told, given['to'])}", details
    )


def _end(told: FlowWords, to: Any) -> str:
    """What a link leads to; a record that is named by its id has no words here."""
    return told.text(to) if isinstance(to, str) and "{{" in to else "a certain record"


def _unlink(told: FlowWords, action: Action) -> Step:
    given = action.options()
    to = f" to {_end(told, given['to'])}" if given.get("to") else ""
    return Step("link_off", "blue", f"Take the link {told.label(given['relationship'])}{to} away")


def _whom(told: FlowWords, given: Mapping[str, Any]) -> str:
    """Who is chosen: a user, somebody of a team, or the owner."""
    if given.get("user"):
        return told.context.users.get(str(given["user"]), str(given["user"]))
    team = told.catalog.teams.get(str(given.get("team")))
    name = (team.name if team else given.get("team")) or ""
    match given.get("by"):
        case "least_open":
            return f"whoever of {name} has the fewest open"
        case "owner" | None if not name:
            return "the owner"
        case "owner":
            return f"the owner, for {name}"
    return f"{name}, in turn"


def _told_plainly(told: FlowWords, action: Action) -> Step:
    options = action.options()
    given = options.items() if isinstance(options, Mapping) else [("with", options)]
    details = tuple((words.readable(str(key)), told.text(value)) for key, value in given)
    return Step("bolt", "gray", words.readable(action.key), details)


_TOLD: Mapping[str, Callable[[FlowWords, Action], Step]] = {
    "create_task": _task,
    "create_record": _record,
    "set_field": _set,
    "change_status": _status,
    "move_folder": _move,
    "add_tag": _tag,
    "remove_tag": _untag,
    "assign_worker": _assign,
    "notify": _notify,
    "send_message": _message,
    "call_webhook": _webhook,
    "link": _link,
    "unlink": _unlink,
    "send_email": _mail,
}


def _pairs(told: FlowWords, module: str, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (told.label(slug, module), told.value(module, slug, given)) for slug, given in values.items()
    )


def _and(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
