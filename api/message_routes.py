"""Mail that a person, or a program in his name, writes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import DOOR, Here, Json, Who
from crm_core.telling import to_plain
from flows.compose import Draft, send
from flows.failed_mail import send_again

router = APIRouter(prefix="/v1/messages", tags=["records"])

Addresses = Annotated[tuple[str, ...], Field(max_length=50)]


class About(BaseModel):
    """What a message is about: a record of a module."""

    model_config = ConfigDict(extra="forbid")

    module: str
    id: str


class Written(BaseModel):
    """A mail to be sent."""

    model_config = ConfigDict(extra="forbid")

    to: Addresses
    subject: str = Field(max_length=500)
    text: str = Field(max_length=200_000)
    cc: Addresses = ()
    bcc: Addresses = ()
    html: str | None = Field(default=None, max_length=500_000)
    files: Annotated[tuple[str, ...], Field(max_length=20, description="Ids of files.")] = ()
    answers: str | None = Field(default=None, description="The id of the message that is answered.")
    customer: str | None = None
    about: About | None = None
    purpose: str = "service"
    at: datetime | None = Field(default=None, description="It does not leave before this instant.")


@router.post("", status_code=201, summary="Send a mail")
def send_message(written: Written, workspace: Here, actor: Who) -> JSONResponse:
    """Send a mail: it is recorded and queued in one commit, with the Message-ID that it leaves under.

    `answers` puts it into that message's conversation, with its customer and what it is about.
    """
    given = written.model_dump(exclude={"about"})
    about = (written.about.module, written.about.id) if written.about else None
    draft = Draft(**given, about=about)
    sent = send(workspace.lake, draft, actor=actor, settings=workspace.settings, door=DOOR)
    location = f"/api/v1/modules/communications/records/{sent.id}"
    return Json(to_plain(sent), status_code=201, headers={"Location": location})


@router.post("/{id}/retry", summary="Send a mail again")
def retry_message(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """Put a mail that did not arrive into the queue again, for the addresses at which it failed."""
    return Json({"retried": send_again(workspace.lake, id, actor=actor)})
