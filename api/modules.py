"""The definitions of modules, as far as a program needs them to read and write records."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.context import Here, Json, Who
from crm_core.model import Catalog, Module

router = APIRouter(prefix="/v1/modules", tags=["modules"])


@router.get("", summary="Modules")
def list_modules(workspace: Here, actor: Who) -> JSONResponse:
    """Every module with the paths under which its records stand."""
    catalog = workspace.catalog
    items = [_short(module) for module in catalog.ordered]
    return Json({"items": items, "version": catalog.version})


@router.get("/{module}", summary="Module")
def get_module(module: str, workspace: Here, actor: Who) -> JSONResponse:
    """One module: fields, sections, folders, references and related records."""
    catalog = workspace.catalog
    return Json(module_document(catalog, catalog.module(module)))


def module_document(catalog: Catalog, module: Module) -> dict[str, Any]:
    """A module's definition with what relationships add to it."""
    document = module.model_dump(mode="json", by_alias=True, exclude_none=True)
    document["references"] = [
        {"slug": r.slug, "label": r.label, "targets": r.targets, "required": r.required, "unique": r.unique}
        for r in catalog.references(module.slug)
    ]
    document["related"] = [
        {"slug": link.slug, "label": link.label, "module": link.module, "many_to_many": bool(link.link_table)}
        for link in catalog.to_many(module.slug)
    ]
    return document


def _short(module: Module) -> dict[str, Any]:
    return {
        "slug": module.slug,
        "label": module.name,
        "singular": module.one,
        "profile": module.profile,
        "records": f"/api/v1/modules/{module.slug}/records",
    }
