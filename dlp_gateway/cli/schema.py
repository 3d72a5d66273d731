"""`dlp-gateway schema`: JSON Schemas of gateway.yaml and policy.yaml, for editors and other tools."""

import json
from typing import Any, Final

import click

NAMES: Final = ("gateway", "policy")

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: What validators see between the keys of one model and JSON Schema can say too, by the model's name.
_BETWEEN_KEYS: Final[dict[str, dict[str, Any]]] = {
    "Listener": {
        "allOf": [
            {
                "if": {"properties": {"tls": {"not": {"const": "none"}}}, "required": ["tls"]},
                "then": {
                    "required": ["certificate", "key"],
                    "properties": {"certificate": {"type": "string"}, "key": {"type": "string"}},
                },
                "else": {"properties": {"auth": {"const": "none"}, "client_certificate": {"type": "null"}}},
            },
            {
                "if": {"properties": {"auth": {"const": "required"}}, "required": ["auth"]},
                "else": {"required": ["networks"]},
            },
            {"properties": {"networks": {"minItems": 1}}},
        ]
    },
    "Login": {
        "oneOf": [
            {
                "properties": {
                    "backend": {"const": backend},
                    "dovecot": {"type": "object" if backend == "dovecot" else "null"},
                    "ldap": {"type": "object" if backend == "ldap" else "null"},
                },
                "required": [] if backend == "users" else [backend],
            }
            for backend in ("users", "dovecot", "ldap")
        ]
    },
    "Dovecot": {"oneOf": [{"required": ["socket"]}, {"required": ["address"]}]},
    "Ldap": {
        "oneOf": [{"required": ["user"]}, {"required": ["base"]}],
        "dependentRequired": {"bind_dn": ["bind_password_file"], "bind_password_file": ["bind_dn"]},
    },
    "TenantHeader": {"oneOf": [{"required": ["values"]}, {"required": ["value_file"]}]},
    "Smarthost": {
        "if": {"properties": {"user": {"type": "string"}}, "required": ["user"]},
        "then": {
            "required": ["tls", "password_file"],
            "properties": {"tls": {"enum": ["required", "implicit"]}, "password_file": {"type": "string"}},
        },
        "else": {"properties": {"password_file": {"type": "null"}}},
    },
    "Condition": {
        "oneOf": [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
            for name in ("finding", "all", "any", "none")
        ],
        "dependentRequired": {"confidence": ["finding"], "count": ["finding"]},
    },
    "Unless": {
        "minProperties": 1,
        "properties": {
            name: {"not": {"type": "null"}} for name in ("recipients", "group", "sender", "team", "client", "login")
        },
    },
    "Only": {
        "minProperties": 1,
        "properties": {name: {"not": {"type": "null"}} for name in ("recipients", "sender", "team", "client", "login")},
    },
    "Scope": {"properties": {"set": {"additionalProperties": {"type": ["integer", "string"]}}}},
    "Rule": {"properties": {"id": {"pattern": r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$"}}},
    "PolicyFile": {
        "properties": {
            "actions": {"propertyNames": {"pattern": r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"}},
            "teams": {"propertyNames": {"pattern": r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"}},
            "edm": {"propertyNames": {"pattern": r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"}},
            "set": {"additionalProperties": {"type": ["integer", "string"]}},
        }
    },
}

#: Keys that take more than their type tells.
_INSTEAD: Final = {
    ("Rule", "unless"): {"anyOf": [{"$ref": "#/$defs/Unless"}, {"type": "array", "items": {"$ref": "#/$defs/Unless"}}]},
    ("Rule", "only"): {"anyOf": [{"$ref": "#/$defs/Only"}, {"type": "array", "items": {"$ref": "#/$defs/Only"}}]},
    ("Scope", "only"): {
        "anyOf": [{"$ref": "#/$defs/Only"}, {"type": "array", "items": {"$ref": "#/$defs/Only"}, "minItems": 1}]
    },
    **{
        (model, "team"): {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
        for model in ("Unless", "Only")
    },
}

#: Bounds that pydantic names by its own words where a validator stands before them.
_BOUNDS: Final = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


@click.command("schema")
@click.argument("name", type=click.Choice(NAMES))
def command(*, name: str) -> None:
    """Print the JSON Schema (draft 2020-12) of gateway.yaml or policy.yaml, with a description of each key.

    An editor with a YAML language server completes and explains keys, and underlines what is wrong, if the schema lies
    beside the file and this is the file's first line (`init --schema` does both):

    \b
      # yaml-language-server: $schema=./gateway.schema.json

    A schema cannot see all that `check` sees: what one file says of another, kinds that no detector reports, networks
    that are too wide.
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    click.echo(text(name), nl=False)


def text(name: str) -> str:
    """Return the schema of "gateway" or "policy" as JSON."""
    from dlp_gateway.document import Model
    from dlp_gateway.policy.file import PolicyFile
    from dlp_gateway.settings import Settings

    models: dict[str, type[Model]] = {"gateway": Settings, "policy": PolicyFile}
    model = models[name]
    found = model.model_json_schema(mode="validation")
    for title, definition in {**found.get("$defs", {}), model.__name__: found}.items():
        for key, value in definition.get("properties", {}).items():
            if (title, key) in _INSTEAD:
                definition["properties"][key] = _INSTEAD[title, key] | {"description": value["description"]}
            _name_bounds(value)
        _add(definition, _BETWEEN_KEYS.get(title, {}))
    head = {
        "$schema": _DIALECT,
        "$id": f"urn:dlp-gateway:schema:{name}",
        "title": f"{name}.yaml of DLP Gateway",
    }
    return json.dumps(head | {key: value for key, value in found.items() if key not in head}, indent=2) + "\n"


def _name_bounds(value: dict[str, Any]) -> None:
    for word, keyword in _BOUNDS.items():
        if word in value:
            value[keyword] = value.pop(word)


def _add(definition: dict[str, Any], more: dict[str, Any]) -> None:
    """Put further keywords into a model's definition; what they say of a property comes beside what stands there."""
    for keyword, value in more.items():
        if keyword == "properties":
            definition.setdefault("allOf", []).append({"properties": value})
        else:
            definition[keyword] = value
