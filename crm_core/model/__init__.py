"""What an administrator describes: modules, fields, relationships, folders, templates, filters. Frozen data."""

from crm_core.model.base import Offered
from crm_core.model.catalog import Catalog, Path, Reference, ToMany
from crm_core.model.condition import All, AnyOf, Condition, Leaf, Not, Operator, parse_condition
from crm_core.model.documents import CustomerEvent, SavedFilter, Stored, Team, Template, WorkspaceSettings
from crm_core.model.fields import FIELD_KINDS, Field, Option
from crm_core.model.modules import (
    CalendarPlace,
    ContactPoints,
    Dependency,
    Exclusive,
    Folder,
    Module,
    Related,
    Section,
    Status,
    Timeline,
)
from crm_core.model.relationships import Relationship
from crm_core.model.reports import Dashboard, Report

__all__ = [
    "FIELD_KINDS",
    "All",
    "AnyOf",
    "CalendarPlace",
    "Catalog",
    "Condition",
    "ContactPoints",
    "CustomerEvent",
    "Dashboard",
    "Dependency",
    "Exclusive",
    "Field",
    "Folder",
    "Leaf",
    "Module",
    "Not",
    "Offered",
    "Operator",
    "Option",
    "Path",
    "Reference",
    "Related",
    "Relationship",
    "Report",
    "SavedFilter",
    "Section",
    "Status",
    "Stored",
    "Team",
    "Template",
    "Timeline",
    "ToMany",
    "WorkspaceSettings",
    "parse_condition",
]
