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

"""WSME types, derived from the fields of the objects; and reading by them.

Reading is done here and not by wsme.rest so that an error names the whole
path of what is wrong ("properties.memory.capacity_mib"), and never quotes
the value, which may be a secret.
"""

import datetime
import json
import typing

import wsme.rest.json
from wsme import types as wtypes

from valence import exception
from valence.objects import base
from valence.objects import fields as f

#: Names that routes under a collection have taken.
RESERVED_NAMES = frozenset({"manage", "sync"})


class JsonType(wtypes.UserType):
    """Any JSON value."""

    basetype = wtypes.text
    name = "json"

    @staticmethod
    def validate(value: object) -> object:
        return value

    frombasetype = tobasetype = validate


class DocumentType(JsonType):
    """A JSON object whose keys are for the hardware to define."""

    name = "object"

    @staticmethod
    def validate(value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError("an object is wanted")
        return value


class NameType(wtypes.StringType):
    """A name that can stand in a path and is no uuid."""

    def validate(self, value: str) -> str:
        value = super().validate(value)
        if value != value.strip():
            raise ValueError("it begins or ends with white space")
        if "/" in value or not value.isprintable():
            raise ValueError("it has a '/' or a character one cannot see")
        if value in RESERVED_NAMES:
            raise ValueError(f"'{value}' is reserved")
        try:
            wtypes.UuidType.validate(value)
        except ValueError:
            return value
        raise ValueError("it looks like a uuid")


def of_field(name: str, field: typing.Any) -> typing.Any:
    """The WSME type of one field."""
    match field:
        case f.String() if name == "name":
            return NameType(min_length=1, max_length=field.length)
        case f.String():
            return wtypes.StringType(max_length=field.length)
        case f.Uuid():
            return wtypes.UuidType()
        case f.Enum():
            return wtypes.Enum(str, *field.valid_values)
        case f.Integer():
            return wtypes.IntegerType()
        case f.Boolean():
            return bool
        case f.DateTime():
            return datetime.datetime
        case f.Json():
            return JsonType()
    raise TypeError(f"No WSME type for {field!r}")


def of_object(
    cls: type[base.Resource],
    required: tuple[str, ...] = (),
    **overrides: typing.Any,
) -> type[wtypes.Base]:
    """The WSME type of an object class.

    :param required: fields that a new one cannot do without
    :param overrides: field → its type, where the API says more than the
        field does
    """
    attributes = {
        name: wtypes.wsattr(
            overrides.get(name) or of_field(name, field),
            name=name,
            readonly=not field.writable,
            mandatory=name in required,
        )
        for name, field in cls.fields.items()
        if field.visible
    }
    return typing.cast(
        type[wtypes.Base],
        wtypes.BaseMeta(cls.__name__, (wtypes.Base,), attributes),
    )


def parse(raw: bytes) -> typing.Any:
    """Read JSON.

    :raises: InvalidJson, with the position
    """
    try:
        return json.loads(raw.decode())
    except UnicodeDecodeError as e:
        raise exception.InvalidJson(
            reason="it is not UTF-8", line=1, column=e.start + 1
        ) from None
    except json.JSONDecodeError as e:
        raise exception.InvalidJson(
            reason=e.msg, line=e.lineno, column=e.colno
        ) from None
    except RecursionError:
        raise exception.InvalidJson(
            reason="it is nested too deep", line=1, column=1
        ) from None


def read(
    datatype: typing.Any, value: typing.Any, path: str = ""
) -> dict[str, typing.Any]:
    """Check a JSON object against a WSME type.

    :param path: where the object stands in the body
    :returns: what was given, converted; what was not given is not in it
    :raises: InvalidField, UnknownField, ReadOnlyField, MissingField
    """
    if not isinstance(value, dict):
        raise exception.InvalidField(
            field=path or "body", reason="a JSON object is wanted."
        )
    known = {a.name: a for a in wtypes.list_attributes(datatype)}
    result: dict[str, typing.Any] = {}
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        attribute = known.get(name)
        if attribute is None:
            writable = sorted(
                n for n, a in known.items() if not _read_only(a)
            )
            raise exception.UnknownField(
                field=where[:255], known=", ".join(writable)
            )
        if _read_only(attribute):
            raise exception.ReadOnlyField(field=where)
        result[name] = _read_value(attribute.datatype, item, where)
    for name, attribute in known.items():
        if attribute.mandatory and result.get(name) is None:
            raise exception.MissingField(
                field=f"{path}.{name}" if path else name
            )
    return result


def _read_only(attribute: typing.Any) -> bool:
    return bool(getattr(attribute, "readonly", False))


def _read_value(datatype: typing.Any, value: typing.Any, where: str) -> object:
    if value is None:
        return None
    if wtypes.iscomplex(datatype):
        return read(datatype, value, where)
    if wtypes.isarray(datatype):
        if not isinstance(value, list):
            raise exception.InvalidField(
                field=where, reason="a list is wanted."
            )
        return [
            _read_value(datatype.item_type, item, f"{where}.{i}")
            for i, item in enumerate(value)
        ]
    return scalar(datatype, value, where)


def scalar(
    datatype: typing.Any, value: typing.Any, where: str
) -> typing.Any:
    """Check one value.

    :raises: InvalidField
    """
    reason = None
    if isinstance(datatype, wtypes.IntegerType):
        # Numbers may come as strings, but 1.5 and true are no integers.
        if isinstance(value, bool | float) or not isinstance(value, int | str):
            reason = "an integer is wanted."
    elif datatype is bool:
        if not isinstance(value, bool):
            reason = "true or false is wanted."
    elif isinstance(datatype, wtypes.Enum):
        if value not in datatype.values:
            words = ", ".join(sorted(map(str, datatype.values)))
            reason = f"one of {words} is wanted."
    elif isinstance(
        datatype, wtypes.StringType | wtypes.UuidType
    ) and not isinstance(value, str):
        reason = "a string is wanted."
    if reason is None:
        try:
            if isinstance(datatype, wtypes.IntegerType):
                value = int(value)
            if isinstance(datatype, JsonType):
                return datatype.validate(value)
            return wtypes.validate_value(
                datatype, wsme.rest.json.fromjson(datatype, value)
            )
        except OverflowError:
            reason = "it is too large."
        except wsme.exc.InvalidInput as e:
            reason = _sentence(str(e.msg))
        except ValueError as e:
            reason = _sentence(_own_words(datatype, e))
    raise exception.InvalidField(field=where, reason=reason)


def _own_words(datatype: typing.Any, error: ValueError) -> str:
    if isinstance(datatype, wtypes.UuidType):
        return "a uuid is wanted"
    if isinstance(datatype, wtypes.IntegerType) and "int()" in str(error):
        return "an integer is wanted"
    return str(error)


def _sentence(text: str) -> str:
    text = text.replace("Value should", "it should")
    return text if text.endswith(".") else f"{text}."


def document(
    obj: base.Resource, names: typing.Iterable[str]
) -> dict[str, typing.Any]:
    """What a client sees of an object."""
    shown = {}
    for name in names:
        value = getattr(obj, name)
        if isinstance(value, datetime.datetime):
            value = value.isoformat()
        shown[name] = obj.fields[name].shown(value)
    return shown
