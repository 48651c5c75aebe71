"""The JSON Schema of a system's file, from which editors complete and check while one types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upkeep.catalog.models import System
from upkeep.checks.registry import Kind, kinds

FILE_NAME = "schema.json"


def catalog_schema() -> dict[str, Any]:
    """Return the schema of a system's file, with the parameters of every kind of procedure."""
    schema = System.model_json_schema()
    registered = kinds()
    for kind in registered.values():
        schema["$defs"].update(_definitions(kind))
    use = schema["$defs"]["ProcedureUse"]
    use["properties"]["kind"] = {
        "description": "A kind of procedure; `upkeep catalog kinds` lists them with their parameters.",
        "oneOf": [{"const": kind.name, "description": kind.summary} for kind in registered.values()],
    }
    use["allOf"] = [_parameters_of(kind) for kind in registered.values()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A system under maintenance",
    }


def schema_text() -> str:
    """Return the schema as it is written to the file, the same for the same models and kinds."""
    return json.dumps(catalog_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schema(folder: Path) -> Path:
    """Write the schema beside the systems' files and return its path."""
    path = folder / FILE_NAME
    path.write_text(schema_text(), encoding="utf-8")
    return path


def _definitions(kind: Kind) -> dict[str, Any]:
    """Return the kind's parameters and what they refer to, under names that no model has."""
    schema = kind.parameters.model_json_schema(ref_template=f"#/$defs/{kind.name}.{{model}}")
    own: Mapping[str, Any] = schema.pop("$defs", {})
    return {f"{kind.name}.{name}": node for name, node in own.items()} | {f"{kind.name}.parameters": schema}


def _parameters_of(kind: Kind) -> dict[str, Any]:
    of_kind = {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]}
    then: dict[str, Any] = {"properties": {"parameters": {"$ref": f"#/$defs/{kind.name}.parameters"}}}
    if any(field.is_required() for field in kind.parameters.model_fields.values()):
        then["required"] = ["parameters"]
    return {"if": of_kind, "then": then}
