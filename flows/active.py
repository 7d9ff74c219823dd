"""The flows that run: those whose newest version that is no draft is active, with the id and version they run under."""

import zlib
from dataclasses import dataclass, replace

from crm_core.access import Actor
from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog, Stored
from flows.check import read_flow
from flows.events import expand
from flows.model import FlowDefinition, to_flow_document
from flows.triggers import OF_THE_FEED


@dataclass(frozen=True)
class ActiveFlow:
    """A flow as it is stored: its definition, the id that never changes, and the version that runs keep."""

    definition: FlowDefinition
    id: str
    version: int
    order: int = 0

    @property
    def slug(self) -> str:
        """Its name."""
        return self.definition.flow


def waits_for_changes(flow: ActiveFlow) -> bool:
    """Whether a change of a record can set the flow off."""
    return flow.definition.trigger.event in OF_THE_FEED


def stored_flow(stored: Stored, order: int = 0) -> ActiveFlow:
    """A stored version as a flow that can run.

    Raises:
        DefinitionInvalid: The document is none of a flow.
    """
    definition = read_flow(stored.document)
    return ActiveFlow(definition, definition.id or stored.id, stored.version, order)


def unsaved_flow(catalog: Catalog, definition: FlowDefinition) -> ActiveFlow:
    """A flow that is not saved, under the id that the flow of its name has.

    Its version is below zero and its document's own, so that nothing that was compiled for another is taken for it.
    """
    known = catalog.stored.get(("flow", definition.flow))
    mark = zlib.crc32(repr(to_flow_document(definition)).encode())
    return ActiveFlow(definition, definition.id or (known.id if known else "trial"), -1 - (mark >> 1))


def active_flows(catalog: Catalog) -> tuple[ActiveFlow, ...]:
    """The active flows in the order in which they run: by slug, those of named events as what these stand for.

    One that cannot be read is left out.
    """
    found: list[ActiveFlow] = []
    for slug in sorted(catalog.flows):
        try:
            flow = stored_flow(catalog.live[slug], len(found))
            found.append(replace(flow, definition=expand(catalog, flow.definition)))
        except DefinitionInvalid:
            # Saving refuses such a document; the workspace's other flows must not stand still for it.
            continue
    return tuple(found)


def active_flow(catalog: Catalog, slug: str) -> ActiveFlow | None:
    """The active flow of that slug, with its place among all; None when there is none."""
    return next((flow for flow in active_flows(catalog) if flow.slug == slug), None)


def flows_for(
    catalog: Catalog, module: str, *, folder: str | None, actor: Actor
) -> tuple[FlowDefinition, ...]:
    """The active flows that somebody may run by hand on a record: of its module and folder; none for who only looks."""
    if actor.role == "viewer":
        return ()
    return tuple(
        flow.definition
        for flow in active_flows(catalog)
        if flow.definition.module == module
        and flow.definition.trigger.event != "deleted"
        and (not flow.definition.folders or folder in flow.definition.folders)
    )
