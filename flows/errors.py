"""What the automation can refuse, in one tree below the domain's."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.errors import CrmError, DefinitionInvalid
from flows.problems import Told


class FlowError(CrmError):
    """The base of all errors of flows."""


class FlowInvalid(DefinitionInvalid):
    """A flow cannot be read; `found` are pairs of a place in its document (keys and indices) and a sentence."""

    def __init__(self, what: str, found: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        self.found = tuple(found)
        super().__init__(what, [Told(sentence, place) for place, sentence in found])


class UnknownFlow(FlowError):
    """No flow of that slug or id."""

    status = 404

    def __init__(self, flow: str, known: Sequence[str] = ()) -> None:
        self.flow = flow
        self.known = tuple(known)
        hint = f" There are: {', '.join(known)}." if known else ""
        super().__init__(f"There is no flow “{flow}”.{hint}")


class UnknownVersion(FlowError):
    """A flow has no version of that number."""

    status = 404

    def __init__(self, flow: str, version: int, newest: int) -> None:
        self.flow = flow
        self.version = version
        self.newest = newest
        super().__init__(f"The flow {flow} has no version {version}; it has 1 to {newest}.")


class UnknownRun(FlowError):
    """No run of that id, or none that the actor may see: a stranger cannot tell which."""

    status = 404

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"There is no run {run_id}.")


class UnknownMessage(FlowError):
    """No message of that id in the outbox, or none in a state that allows what was asked."""

    status = 404

    def __init__(self, message_id: str, allowed: str) -> None:
        self.message_id = message_id
        super().__init__(f"There is no message {message_id} in the outbox that is {allowed}.")


class MessageInvalid(FlowError):
    """A message of the outbox cannot be changed to what was given."""

    status = 422

    def __init__(self, channel: str, reason: str) -> None:
        self.channel = channel
        self.reason = reason
        super().__init__(f"The {channel} cannot be changed so: {reason}.")


class CommandInvalid(FlowError):
    """A command to a flow is incomplete or contradicts itself."""

    status = 422

    def __init__(self, received: Any, reason: str) -> None:
        self.received = received
        self.reason = reason
        super().__init__(f"The command cannot be carried out: {reason}.")


class ActionInvalid(FlowError):
    """An action of a flow cannot be compiled against the definitions as they are now."""

    status = 422

    def __init__(self, flow: str, step: int, reason: str) -> None:
        self.flow = flow
        self.step = step
        self.reason = reason
        super().__init__(f"Step {step + 1} of the flow {flow} cannot be done: {reason}.")


class UnknownHook(FlowError):
    """No flow takes this message, or it is not proved: a stranger cannot tell which."""

    status = 404

    def __init__(self) -> None:
        super().__init__(
            "No active flow takes messages here, or this one is not proved: its secret or signature is another's, or "
            "it was signed more than five minutes ago."
        )


class SecretUnusable(FlowError):
    """The master key from which secrets are derived is not there, or too short."""

    status = 500

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(
            f"The key in {place} cannot be used: {reason}. It is a text file of 32 characters or more that only the "
            "server's user may read; without it, and without MERGANSER_SECRET, one is made."
        )


class NotConsented(FlowError):
    """Addresses that want no mail of the purpose; `refused` is what each of them said, by address."""

    status = 409

    def __init__(self, refused: Mapping[str, str]) -> None:
        self.refused = dict(refused)
        told = "; ".join(f"{address}: {why}" for address, why in self.refused.items())
        super().__init__(f"Not sent. {told}. Leave the address out, or ask for consent by another way.")


class NotReachable(FlowError):
    """Addresses of people who are not to be contacted; `refused` is what counts for each of them, by address."""

    status = 409

    def __init__(self, refused: Mapping[str, str]) -> None:
        self.refused = dict(refused)
        told = "; ".join(f"{address}: {why}" for address, why in self.refused.items())
        super().__init__(
            f"Not sent. {told}. Answer something that they wrote, leave the address out, or send it for a later day."
        )
