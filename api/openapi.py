"""OpenAPI of the workspace as it is now: every module has its own paths and schemas, without a restart."""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from crm_core.model import Catalog, Module, Reference
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.fields import Field

Document = dict[str, Any]
GENERIC = "/v1/modules/{module}/"
METHODS = ("get", "post", "patch", "put", "delete")

_TEXT: Document = {"type": "string"}
_TEXTS: Document = {"type": "array", "items": _TEXT}
_ID: Document = {"type": "string", "format": "uuid"}
_INSTANT: Document = {"type": "string", "format": "date-time"}
_KINDS: Mapping[str, Document] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": _INSTANT,
    "email": {"type": "string", "format": "email"},
    "phone": {"type": "string", "description": "E.164"},
    "url": {"type": "string", "format": "uri"},
    "country": {"type": "string", "description": "ISO 3166-1 alpha-2", "minLength": 2, "maxLength": 2},
    "multi_select": _TEXTS,
    "file": _TEXTS,
    "json": {},
    "money": {
        "type": "object",
        "properties": {"amount": {"type": "string", "examples": ["12.50"]}, "currency": _TEXT},
    },
    "address": {
        "type": "object",
        "properties": dict.fromkeys(("street", "postal_code", "city", "region", "country"), _TEXT),
    },
}
_SYSTEM: Mapping[str, Document] = {
    "UUID": _ID,
    "VARCHAR": _TEXT,
    "VARCHAR[]": _TEXTS,
    "TIMESTAMPTZ": _INSTANT,
    "BIGINT": {"type": "integer"},
}
_WRITABLE = ("owner", "workers", "team", "folder", "status", "tags", "source")
_PROBLEM: Document = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "code": _TEXT, "message": _TEXT, "received": {}},
            },
        },
    },
}


def install_openapi(api: FastAPI, read_catalog: Callable[[], Catalog]) -> None:
    """Let the application describe itself by the definitions of the moment; kept per version of them."""
    guard = threading.Lock()
    kept: dict[int, Document] = {}

    def describe() -> Document:
        catalog = read_catalog()
        with guard:
            if catalog.version not in kept:
                kept.clear()
                kept[catalog.version] = openapi_document(api, catalog)
            return kept[catalog.version]

    api.openapi = describe  # type: ignore[method-assign]


def openapi_document(api: FastAPI, catalog: Catalog) -> Document:
    """The whole document: the fixed paths, and the generic ones once for each module."""
    document = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes
    )
    generic = {path: item for path, item in document["paths"].items() if path.startswith(GENERIC)}
    fixed = {path: item for path, item in document["paths"].items() if path not in generic}
    for module in catalog.ordered:
        for path, item in generic.items():
            fixed[path.replace("{module}", module.slug)] = _for_module(item, module)
    document["paths"] = {f"/api{path}": item for path, item in fixed.items()}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for module in catalog.ordered:
        references = catalog.references(module.slug)
        schemas[f"{module.slug}.record"] = _record_schema(module, references)
        schemas[f"{module.slug}.values"] = _values_schema(module, references)
    schemas["problem"] = _PROBLEM
    _let_errors_be_problems(document)
    document["servers"] = [{"url": "/"}]
    return document


def _for_module(item: Document, module: Module) -> Document:
    own = copy.deepcopy(item)
    for method in METHODS:
        operation = own.get(method)
        if operation is None:
            continue
        operation["tags"] = [module.name]
        operation["summary"] = f"{operation.get('summary', method)}: {module.name}"
        operation["operationId"] = f"{operation['operationId']}_{module.slug}"
        operation["parameters"] = [p for p in operation.get("parameters", []) if p["name"] != "module"]
        _name_schemas(operation, f"#/components/schemas/{module.slug}")
    return own


def _name_schemas(operation: Document, prefix: str) -> None:
    """The bodies and answers of the paths that take and give records of the module."""
    record = {"$ref": f"{prefix}.record"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    kind = operation["operationId"].split("_")[0:2]
    if body is not None and kind in (["create", "record"], ["update", "record"]):
        body["schema"] = {"$ref": f"{prefix}.values"}
    answers = {
        "create": record,
        "update": record,
        "get": record if kind == ["get", "record"] else None,
        "restore": record,
        "list": _page_of(record) if kind == ["list", "records"] else None,
    }
    schema = answers.get(kind[0])
    for status in ("200", "201"):
        if schema is not None and status in operation["responses"]:
            operation["responses"][status]["content"] = {"application/json": {"schema": schema}}


def _page_of(record: Document) -> Document:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": record},
            "total": {"type": "integer"},
            "next": {"type": ["string", "null"]},
            "snapshot": {"type": "integer"},
        },
    }


def _let_errors_be_problems(document: Document) -> None:
    answer = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}}
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                responses = item[method]["responses"]
                responses.pop("422", None)
                responses["default"] = {"description": "What went wrong, and with which field", **answer}


def _record_schema(module: Module, references: tuple[Reference, ...]) -> Document:
    properties = {name: _or_null(_SYSTEM[kind]) for name, kind in SYSTEM_COLUMNS.items()}
    properties |= {field.slug: _or_null(_field_schema(field)) for field in module.fields}
    properties |= {reference.slug: _or_null(_reference_schema(reference)) for reference in references}
    return {"type": "object", "title": module.one, "properties": properties, "required": list(properties)}


def _values_schema(module: Module, references: tuple[Reference, ...]) -> Document:
    properties = {name: _or_null(_SYSTEM[SYSTEM_COLUMNS[name]]) for name in _WRITABLE}
    fields = [field for field in module.fields if not field.read_only]
    properties |= {field.slug: _or_null(_field_schema(field)) for field in fields}
    properties |= {reference.slug: _or_null(_reference_schema(reference)) for reference in references}
    return {"type": "object", "title": f"{module.one}, values", "properties": properties}


def _field_schema(field: Field) -> Document:
    schema = dict(_KINDS.get(field.kind, _TEXT))
    schema["title"] = field.name
    if field.help:
        schema["description"] = field.help
    options = [option.value for option in getattr(field, "options", ())]
    if options and field.kind == "select":
        schema["enum"] = [*options, None]
    elif options:
        schema["items"] = {"type": "string", "enum": options}
    for name, keyword in (("minimum", "minimum"), ("maximum", "maximum"), ("max_length", "maxLength")):
        limit = getattr(field, name, None)
        if limit is not None and field.kind != "money":
            schema[keyword] = int(limit) if limit == int(limit) else float(limit)
    return schema


def _reference_schema(reference: Reference) -> Document:
    if not reference.polymorphic:
        return {**_ID, "title": reference.label, "description": f"the id of one of {reference.targets[0]}"}
    return {
        "type": "object",
        "title": reference.label,
        "properties": {"module": {"type": "string", "enum": list(reference.targets)}, "id": _ID},
    }


def _or_null(schema: Document) -> Document:
    kind = schema.get("type")
    return {**schema, "type": [kind, "null"]} if isinstance(kind, str) else schema
