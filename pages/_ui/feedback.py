"""The one place that turns errors into words.

    saved = run(lambda: records.update(…), done="Saved")       # a toast, and None when it was refused
    page = run(lambda: query.read_page(…), at="here")          # a box where the page stands

    with st.form("new"): …
    made = submit(lambda: records.create(…), form="new", done="Customer created")
    problems("new")                                            # field → what is wrong, for `edit_field`

Only errors that we raise on purpose become words; any other ends the run, goes into the server's log, and
shows the general notice, since nobody can act on its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import streamlit as st

from crm_core.errors import CrmError, DefinitionInvalid, Forbidden, Problem, ValuesInvalid, VersionConflict
from lake.errors import LakeError, StatementError, TransientError
from pages._ui import html, words

Value = TypeVar("Value")
Place = Literal["toast", "here"]
EXPECTED = (CrmError, LakeError)
"""Errors that have words for people; those of flows are of the domain's tree."""
MAX_LINES = 12


@dataclass(frozen=True)
class Message:
    """An error in words: one sentence, and a line for each thing that is wrong."""

    title: str
    lines: tuple[str, ...] = ()


def run(
    command: Callable[[], Value],
    *,
    done: str | Callable[[Value], str] = "",
    at: Place = "toast",
    on_conflict: Callable[[VersionConflict], None] | None = None,
    on_invalid: Callable[[ValuesInvalid], None] | None = None,
) -> Value | None:
    """Runs a command; says that it is done, or why it was refused.

    Args:
        command: What to do, without arguments.
        done: What to say afterwards, or how to make it of the value; nothing by default.
        at: Where a refusal is shown: as a toast (also from a callback), or in the page, here.
        on_conflict: Takes what somebody else changed meanwhile, to be decided in the page; said as a toast without it.
        on_invalid: Takes values that were refused, to be said beside them; said as `at` without it.

    Returns:
        The command's value, or None when it was refused.
    """
    try:
        value = command()
    except StatementError:
        raise  # a statement of ours is wrong: its text is for the log
    except EXPECTED as error:
        if isinstance(error, VersionConflict) and on_conflict is not None:
            on_conflict(error)
        elif isinstance(error, ValuesInvalid) and on_invalid is not None:
            on_invalid(error)
        else:
            show(in_words(error), at=at)
        return None
    said = done(value) if callable(done) else done
    if said:
        st.toast(html.plain(said), icon=":material/check:")
    return value


def submit(
    command: Callable[[], Value], *, form: str, done: str | Callable[[Value], str] = ""
) -> Value | None:
    """Runs the command of a form; what is wrong with single fields is kept for `problems`."""
    st.session_state.pop(_form_key(form), None)
    try:
        value = command()
    except ValuesInvalid as error:
        st.session_state[_form_key(form)] = by_field(error)
        show(in_words(error), at="toast")
        return None
    except StatementError:
        raise
    except EXPECTED as error:
        show(in_words(error), at="toast")
        return None
    said = done(value) if callable(done) else done
    if said:
        st.toast(html.plain(said), icon=":material/check:")
    return value


def refuse(form: str, wrong: Mapping[str, str]) -> None:
    """Says what is wrong with single fields of a form before anything is sent; `problems` has it from then on."""
    st.session_state[_form_key(form)] = dict(wrong)
    show(Message(next(iter(wrong.values()))), at="toast")


def problems(form: str) -> dict[str, str]:
    """Field → what was wrong with it when the form was last sent."""
    stored = st.session_state.get(_form_key(form))
    return dict(stored) if isinstance(stored, dict) else {}


def forget(form: str) -> None:
    """Begins a form anew: what was wrong with the last one is no more said."""
    st.session_state.pop(_form_key(form), None)


def given(value: object, missing: str) -> bool:
    """Whether something was given; else says what is missing.

    A button that waits for a text must not be grey until then: the click that ends the typing would be lost.
    """
    if not value or not str(value).strip():
        show(Message(missing), at="toast")
        return False
    return True


def show(message: Message, *, at: Place = "here") -> None:
    """Shows an error: as a toast that stays for a while, or as a box in the page."""
    if at == "toast":
        text = "  \n".join([html.plain(message.title), *(f"• {html.plain(line)}" for line in message.lines)])
        st.toast(text, icon=":material/error:", duration="long")
    else:
        st.html(html.note(message.title, color="red", lines=message.lines))


def in_words(error: Exception) -> Message:
    """An error of ours as a person reads it."""
    match error:
        case ValuesInvalid(problems=found):
            noun = words.plural(len(found), "value needs", "values need")
            lines = [f"{words.readable(problem.field)}: {_said(problem)}" for problem in found]
            return Message(f"Not saved: {noun} attention.", _shortened(lines))
        case DefinitionInvalid(what=what, problems=found):
            return Message(f"{what} cannot be used yet.", _shortened([sentence(line) for line in found]))
        case VersionConflict(conflicts=found):
            return Message("Somebody else changed this in the meantime.", _shortened(map(_conflict, found)))
        case Forbidden():
            return Message(str(error))
        case TransientError():
            return Message(f"The lake is busy. {error}")
        case _:
            return Message(str(error))


def by_field(error: ValuesInvalid) -> dict[str, str]:
    """Field → everything that is wrong with it, as one text."""
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        found.setdefault(problem.field, []).append(_said(problem))
    return {field: "; ".join(messages) for field, messages in found.items()}


def _said(problem: Problem) -> str:
    """What is wrong, without the field's name for programs in front: people see its label there."""
    rest = problem.message.removeprefix(f"“{problem.field}”")
    return rest.lstrip(": ") or problem.message


def sentence(text: str) -> str:
    """A clause as a sentence: a capital at the beginning."""
    return text[:1].upper() + text[1:]


def _conflict(conflict: dict[str, Any]) -> str:
    def shown(name: str) -> str:
        value = conflict.get(name)
        return "empty" if value in (None, "", []) else f"“{value}”"

    field = words.readable(str(conflict.get("field", "")))
    return f"{field}: it was {shown('base')}, is now {shown('current')}, and you wrote {shown('yours')}"


def _shortened(lines: Any) -> tuple[str, ...]:
    every = list(lines)
    rest = len(every) - MAX_LINES
    return (*every[:MAX_LINES], f"and {rest} more") if rest > 0 else tuple(every)


def _form_key(form: str) -> str:
    return f"form:{form}:problems"
