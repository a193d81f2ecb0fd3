"""The configuration as a JSON schema, so that an editor completes and checks a file while it is typed."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rcmvae.config.config import Config
from rcmvae.objective import ObjectiveBase, Term
from rcmvae.objective.objective import PRESETS
from rcmvae.options import Options, first_line

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """A schema of draft 2020-12 that accepts what `load_config` accepts, shorthands included.

    >>> json_schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    schema = Config.model_json_schema(schema_generator=WithShorthands)
    _name_alone(schema, schema["$defs"])
    return {"$schema": DIALECT} | schema | {"title": "Configuration of an rcmvae run"}


class WithShorthands(GenerateJsonSchema):
    """Adds what the validation spells out for the person who writes the file."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = schema["schema"]
        if inner["type"] != "tagged-union":
            return super().function_before_schema(schema)
        spelled_out: Any = schema["function"]["function"]
        number = [{"type": "number"}] if isinstance(spelled_out(1.0), Mapping) else []
        return {"anyOf": [self.generate_inner(inner), *number]}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        cls = schema["cls"]
        made: dict[str, Any] = super().model_schema(schema) | _first_line(cls)
        if "kind" in cls.model_fields:
            made["required"] = ["kind", *made.get("required", [])]
        if issubclass(cls, ObjectiveBase):
            preset = {"description": "brings in the terms of a preset", "enum": [*PRESETS]}
            made["properties"] = {"c_regularizer": preset, **made["properties"]}
        if issubclass(cls, Term):
            number = {"type": "number", "description": "its weight"}
            return {"anyOf": [number, made], **_first_line(cls)}
        return made


def _name_alone(node: Any, definitions: Mapping[str, Any]) -> None:
    """Let the bare name of a kind stand for it wherever kinds are told apart, unless that kind needs options."""
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _name_alone(inner, definitions)
    if isinstance(node, dict) and "anyOf" in node and "discriminator" in node["anyOf"][0]:
        kinds = node["anyOf"][0]["discriminator"]["mapping"]
        needs = {
            kind: definitions[reference.rpartition("/")[2]]["required"] for kind, reference in kinds.items()
        }
        node["anyOf"].append({"enum": [kind for kind, required in needs.items() if required == ["kind"]]})


def _first_line(cls: type[BaseModel]) -> dict[str, str]:
    """A description, where the class says what it is."""
    line = first_line(cls) if issubclass(cls, Options) else ""
    return {"description": line} if line else {}
