#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""JSON schemas of what bodies are read by and of what is shown."""

import typing

from wsme import types as wtypes

from valence.api import requirements
from valence.api import types
from valence.objects import base
from valence.objects import fields as f

Schema = dict[str, typing.Any]

#: Objects of whatever the hardware says.
LIST: Schema = {"type": "array", "items": {"type": "object"}}


def of_object(cls: type[base.Resource]) -> Schema:
    """What is shown of an object; ``fields`` may ask for less of it."""
    return {
        "type": "object",
        "description": (cls.__doc__ or "").split("\n")[0],
        "properties": {
            **{
                name: of_field(field)
                | {"description": field.help, "readOnly": not field.writable}
                for name, field in cls.fields.items()
                if field.visible
            },
            "links": LIST,
        },
        "required": ["links"],
        "additionalProperties": False,
    }


def of_field(field: typing.Any) -> Schema:
    """A field as it is shown."""
    match field:
        case f.Json():
            found: Schema = {
                "type": "array" if field.form is list else "object"
            }
        case f.Integer():
            found = {"type": "integer"}
        case f.Float():
            found = {"type": "number"}
        case f.Boolean():
            found = {"type": "boolean"}
        case f.DateTime():
            found = {"type": "string", "format": "date-time"}
        case f.Uuid():
            found = {"type": "string", "format": "uuid"}
        case f.Enum():
            found = {"type": "string", "enum": list(field.valid_values)}
        case _:
            found = {"type": "string", "maxLength": field.length}
    if field.nullable or isinstance(field, f.Project):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"].append(None)
    return found


def of_body(datatype: typing.Any) -> Schema:
    """What a WSME type takes; of several, exactly one by its name."""
    if isinstance(datatype, dict):
        return {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {name: of_body(one)},
                    "required": [name],
                    "additionalProperties": False,
                }
                for name, one in datatype.items()
            ]
        }
    attributes = [
        attribute
        for attribute in wtypes.list_attributes(datatype)
        if not getattr(attribute, "readonly", False)
    ]
    found: Schema = {
        "type": "object",
        "properties": {
            attribute.name: _nullable(_of_attribute(attribute))
            for attribute in attributes
        },
        "additionalProperties": False,
    }
    wanted = [a.name for a in attributes if a.mandatory]
    return found | ({"required": wanted} if wanted else {})


def _of_attribute(attribute: typing.Any) -> Schema:
    if attribute.name == "properties":
        # A document to the object, and more to those who read it.
        return of_body(requirements.Properties)
    return of_type(attribute.datatype)


def _nullable(schema: Schema) -> Schema:
    return schema if schema == {} else {"anyOf": [schema, {"type": "null"}]}


def of_type(datatype: typing.Any) -> Schema:
    """The schema of one WSME type."""
    if wtypes.iscomplex(datatype):
        return of_body(datatype)
    if wtypes.isarray(datatype):
        return {"type": "array", "items": of_type(datatype.item_type)}
    match datatype:
        case wtypes.IntegerType():
            return _integer(datatype)
        case wtypes.Enum():
            return {"type": "string", "enum": sorted(datatype.values)}
        case wtypes.UuidType():
            return {"type": "string", "format": "uuid"}
        case types.DocumentType():
            return {"type": "object"}
        case types.JsonType():
            return {}
        case wtypes.StringType():
            return _string(datatype)
    if datatype is bool:
        return {"type": "boolean"}
    raise TypeError(f"No schema for {datatype!r}")


def _integer(datatype: wtypes.IntegerType) -> Schema:
    number: Schema = {"type": "integer"}
    if datatype.minimum is not None:
        number["minimum"] = datatype.minimum
    if datatype.maximum is not None:
        number["maximum"] = datatype.maximum
    words = {"type": "string", "pattern": "^[+-]?[0-9]{1,39}$"}
    return {"anyOf": [number, words]}


def _string(datatype: wtypes.StringType) -> Schema:
    found: Schema = {"type": "string"}
    if datatype.min_length:
        found["minLength"] = datatype.min_length
    if datatype.max_length is not None:
        found["maxLength"] = datatype.max_length
    return found


ERROR: Schema = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "status": {"type": "integer"},
                    "title": {"type": "string"},
                    "detail": {"type": "string"},
                    "request_id": {"type": ["string", "null"]},
                    "min_version": {"type": "string"},
                    "max_version": {"type": "string"},
                    "refusals": LIST,
                },
                "required": [
                    "code",
                    "status",
                    "title",
                    "detail",
                    "request_id",
                ],
                "additionalProperties": False,
            },
        }
    },
    "required": ["errors"],
    "additionalProperties": False,
}

#: RFC 6902.
PATCH: Schema = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "op": {
                "type": "string",
                "enum": ["add", "remove", "replace", "move", "copy", "test"],
            },
            "path": {"type": "string", "pattern": "^/"},
            "from": {"type": "string", "pattern": "^/"},
            "value": {},
        },
        "required": ["op", "path"],
    },
}
