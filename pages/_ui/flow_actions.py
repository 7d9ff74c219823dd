"""What the editor offers as steps, and which fields the form of each has: one entry a kind.

A kind that has no entry is offered all the same: its options are then written as YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_core.model import Catalog, Module
from flows.actions import ACTIONS
from flows.links import known_relationships
from flows.steps import CONTROLS
from pages._ui import words


@dataclass(frozen=True)
class Option:
    """One option of a step: its key in YAML, what people read, and which widget it has (`flow_options.EDITORS`).

    `of` is what the widget needs to know: the choices of a `choice`, the module of `fields`. One that is not
    `asked` at first stands behind “More”.
    """

    key: str
    label: str
    kind: str
    help: str = ""
    of: Any = None
    asked: bool = True


@dataclass(frozen=True)
class StepForm:
    """One kind of step: its name in the menu, its icon with its colour, its options, and what it begins with.

    `single` is the option that stands under the key by itself, as in `change_status: won`. `whole` says that all
    options are values of fields, as in `set_field`.
    """

    key: str
    name: str
    icon: str
    color: str
    options: tuple[Option, ...] = ()
    start: Callable[[Catalog, Module], Any] = lambda catalog, module: {}
    single: str = ""
    whole: bool = False


def _title(module: Module) -> str:
    return f"{{{{ {module.title} }}}}" if module.title != "id" else ""


def _address(catalog: Catalog, module: Module) -> str:
    """Where a mail about a record goes: its own address, or that of its customer."""
    own = next((field.slug for field in module.fields if field.kind == "email"), "")
    if own:
        return f"{{{{ {own} }}}}"
    for reference in catalog.references(module.slug):
        if not reference.polymorphic:
            there = catalog.module(reference.targets[0])
            found = next((field.slug for field in there.fields if field.kind == "email"), "")
            if found:
                return f"{{{{ {reference.slug}.{found} }}}}"
    return ""


def _mail(catalog: Catalog, module: Module) -> dict[str, Any]:
    template = next((one.slug for one in catalog.templates.values() if one.module == module.slug), None)
    text = {"template": template} if template else {"subject": _title(module), "body": ""}
    return {"to": _address(catalog, module), **text, "purpose": "service"}


def _first_status(catalog: Catalog, module: Module) -> str:
    return next((status.slug for status in module.default_folder.statuses), "")


def _notes(catalog: Catalog, module: Module) -> dict[str, Any]:
    target = "notes" if "notes" in catalog.modules else module.slug
    text = next((f.slug for f in catalog.module(target).fields if f.kind in ("text", "long_text")), None)
    return {"module": target, "values": {text: _title(module)} if text else {}}


def _first_link(catalog: Catalog, module: Module) -> dict[str, Any]:
    known = known_relationships(catalog, module.slug)
    return {"relationship": known[0] if known else ""}


def _first_list(catalog: Catalog, module: Module) -> str:
    return next((link.slug for link in catalog.to_many(module.slug)), "")


PURPOSE = "Service mail goes out unless the address objected; any other needs a granted consent."
FORMS: Mapping[str, StepForm] = {
    form.key: form
    for form in (
        StepForm("create_task", "Make a task", "add_task", "violet", (
            Option("title", "Title", "text"), Option("assign", "For", "assign"),
            Option("", "Fields of the task", "rest", of="tasks"),
        ), lambda catalog, module: {"title": _title(module), "due": {"in": "1d"}}),
        StepForm("send_email", "Send an e-mail", "mail", "green", (
            Option("to", "To", "text"), Option("template", "Template", "template"),
            Option("subject", "Subject", "text", of="template"), Option("body", "Text", "long_text", of="template"),
            Option("purpose", "Purpose", "purpose", PURPOSE),
            Option("from", "From", "text", "The address of the house, unless another is named.", asked=False),
            Option("reply_to", "Answers go to", "text", asked=False),
            Option("attachments", "Attachments", "words", "Names of fields that hold files.", asked=False),
        ), _mail),
        StepForm("send_message", "Send a message", "sms", "green", (
            Option("channel", "By", "choice", of={"whatsapp": "WhatsApp", "sms": "SMS"}),
            Option("to", "To", "text"), Option("template", "Template", "template"),
            Option("text", "Text", "long_text", of="template"), Option("purpose", "Purpose", "purpose", PURPOSE),
        ), lambda catalog, module: {"channel": "whatsapp", "to": "{{ phone }}", "text": "", "purpose": "service"}),
        StepForm("notify", "Tell colleagues", "notifications", "blue", (
            Option("teams", "Teams", "teams"), Option("users", "People", "users"),
            Option("owner", "The record's owner", "toggle"), Option("workers", "Its workers", "toggle"),
            Option("title", "Title", "text", asked=False), Option("text", "Text", "long_text"),
        ), lambda catalog, module: {"owner": True, "text": _title(module)}),
        StepForm("set_field", "Set fields", "edit", "orange", (Option("", "Fields", "rest"),),
                 whole=True),
        StepForm("change_status", "Change the status", "flag", "orange", (Option("status", "Status", "status"),),
                 _first_status, single="status"),
        StepForm("move_folder", "Move to a folder", "drive_file_move", "orange", (
            Option("folder", "Folder", "folder"),
            Option("status", "Status there", "status", "Without one it keeps its own, or starts anew."),
        ), lambda catalog, module: {"folder": module.default_folder.slug}, single="folder"),
        StepForm("add_tag", "Add tags", "label", "teal", (Option("tags", "Tags", "tags"),),
                 lambda catalog, module: [], single="tags"),
        StepForm("remove_tag", "Remove tags", "label_off", "teal", (Option("tags", "Tags", "tags"),),
                 lambda catalog, module: [], single="tags"),
        StepForm("assign_worker", "Give it to somebody", "assignment_ind", "violet", (
            Option("", "To", "assign"),
            Option("owner", "As the owner", "toggle", "Off: as one more of its workers.", of=True),
        ), lambda catalog, module: {"by": "owner"}, single="user"),
        StepForm("create_record", "Make a record", "note_add", "blue", (
            Option("module", "Module", "module"), Option("values", "Fields", "fields", of="module"),
        ), _notes),
        StepForm("link", "Link to another record", "link", "blue", (
            Option("relationship", "By", "relationship"), Option("to", "To", "linked"),
            Option("values", "What the link says", "yaml", asked=False),
        ), _first_link),
        StepForm("unlink", "Take a link away", "link_off", "blue", (
            Option("relationship", "By", "relationship"), Option("to", "To", "linked", of="optional"),
        ), _first_link),
        StepForm("call_webhook", "Call another system", "webhook", "blue", (
            Option("url", "Address", "text", "Private addresses are refused unless they are listed."),
            Option("body", "What is sent, as YAML", "yaml", "Empty: the record, with the event and its time."),
            Option("headers", "Headers, as YAML", "yaml", asked=False),
            Option("purpose", "Purpose", "purpose", asked=False),
        ), lambda catalog, module: {"url": "https://"}),
        StepForm("if", "If …", "alt_route", "yellow"),
        StepForm("wait", "Wait", "hourglass_top", "yellow", start=lambda catalog, module: {"for": "1d"}),
        StepForm("for_each", "For each related record", "repeat", "yellow",
                 start=lambda catalog, module: {"path": _first_list(catalog, module), "when": {}}),
        StepForm("call", "Call another flow", "account_tree", "yellow",
                 start=lambda catalog, module: {"flow": "", "on": None}),
        StepForm("stop", "Stop here", "block", "gray", start=lambda catalog, module: {"reason": ""}),
    )
}  # fmt: skip


def step_form(kind: str) -> StepForm:
    """The form of a kind of step; of one that has none, a form without options."""
    return FORMS.get(kind) or StepForm(kind, words.readable(kind), "bolt", "gray")


def offered_steps() -> tuple[str, ...]:
    """Every kind of step that there is, in the order of the menu: actions first, then what steers."""
    known = (*ACTIONS, *CONTROLS)
    ordered = [kind for kind in FORMS if kind in known]
    others = [kind for kind in ACTIONS if kind not in FORMS]
    at = next((i for i, kind in enumerate(ordered) if kind in CONTROLS), len(ordered))
    return (*ordered[:at], *others, *ordered[at:])


def as_options(form: StepForm, given: Any) -> dict[str, Any]:
    """Options as a mapping, also where a single one stands by itself."""
    if isinstance(given, Mapping):
        return dict(given)
    return {form.single: given} if form.single and given not in (None, "", []) else {}
