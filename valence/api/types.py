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

import collections
import datetime
import json
import re
import typing

from wsme import types as wtypes

from valence import exception
from valence import policies
from valence.objects import base
from valence.objects import fields as f

#: Names that routes under a collection have taken.
RESERVED_NAMES = frozenset({"manage", "stats", "sync", ".", ".."})

#: No document of ours is nested deeper; what reads them is recursive.
MOST_LEVELS = 32

#: What not every database keeps: NUL, and halves of surrogate pairs.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


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

    @staticmethod
    def validate(value: str) -> str:
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
        case f.Float():
            return float
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
    more: dict[str, typing.Any] | None = None,
    **overrides: typing.Any,
) -> type[wtypes.Base]:
    """The WSME type of an object class.

    :param required: fields that a new one cannot do without
    :param more: what a request may say besides, by name
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
    for name, attribute in attributes.items():
        attribute.since = cls.fields[name].since
        attribute.hardware = cls.fields[name].hardware
    for name, attribute in (more or {}).items():
        attribute.name = name
        attributes[name] = attribute
    return typing.cast(
        type[wtypes.Base],
        wtypes.BaseMeta(cls.__name__, (wtypes.Base,), attributes),
    )


def of_hardware(attribute: typing.Any) -> typing.Any:
    """An attribute that names hardware which projects share.

    It is for those whom the policy lets know of that.
    """
    attribute.hardware = True
    return attribute


def parse(raw: bytes) -> typing.Any:
    """Read JSON.

    :raises: InvalidJson, with the position; InvalidField, BadRequest
    """
    text = ""

    def constant(word: str) -> typing.NoReturn:
        raise json.JSONDecodeError(
            f"{word} is no number", text, text.find(word)
        )

    too_deep = exception.BadRequest(
        f"The body is nested deeper than {MOST_LEVELS} levels."
    )
    try:
        # Bodies that are copied out of documents often have the shell's mark
        # of a line that goes on. Where it stands, no JSON would be valid.
        text = raw.decode("utf-8-sig").replace("\\\n", " \n")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_number,
            parse_constant=constant,
        )
    except UnicodeDecodeError as e:
        raise exception.InvalidJson(
            reason="it is not UTF-8",
            line=raw.count(b"\n", 0, e.start) + 1,
            column=e.start - raw.rfind(b"\n", 0, e.start),
        ) from None
    except json.JSONDecodeError as e:
        raise exception.InvalidJson(
            reason=e.msg, line=e.lineno, column=e.colno
        ) from None
    except RecursionError:
        raise too_deep from None
    if _levels(value) > MOST_LEVELS:
        raise too_deep
    return value


def _object(pairs: list[tuple[str, typing.Any]]) -> dict[str, typing.Any]:
    """Refuse a key that is given twice: one of them would be passed over."""
    result = dict(pairs)
    if len(result) < len(pairs):
        names = collections.Counter(name for name, _ in pairs)
        ((twice, _),) = names.most_common(1)
        raise exception.InvalidField(
            field=twice[:255], reason="it is given twice."
        )
    return result


def _number(digits: str) -> int | float:
    """What is too long for an integer is refused where it stands."""
    return int(digits) if len(digits) < 40 else float(digits)


def _levels(value: typing.Any) -> int:
    levels, items = 0, [value]
    while items and levels <= MOST_LEVELS:
        levels += 1
        items = [
            item
            for parent in items
            if isinstance(parent, dict | list)
            for item in (
                parent.values() if isinstance(parent, dict) else parent
            )
        ]
    return levels


def read(
    datatype: typing.Any,
    value: typing.Any,
    path: str = "",
    version: int = 0,
    hardware: bool = False,
) -> dict[str, typing.Any]:
    """Check a JSON object against a WSME type.

    :param path: where the object stands in the body
    :param version: the minor microversion; what is newer is unknown
    :param hardware: whether the client may know of the hardware
    :returns: what was given, converted; what was not given is not in it
    :raises: InvalidField, UnknownField, ReadOnlyField, ForbiddenField,
        MissingField
    """
    if not isinstance(value, dict):
        raise exception.InvalidField(
            field=path or "body", reason="a JSON object is wanted."
        )
    known = {
        a.name: a
        for a in wtypes.list_attributes(datatype)
        if getattr(a, "since", 0) <= version
    }
    result: dict[str, typing.Any] = {}
    for name, item in value.items():
        where = f"{path}.{name}" if path else name
        attribute = known.get(name)
        if attribute is None:
            writable = sorted(n for n, a in known.items() if not _read_only(a))
            raise exception.UnknownField(
                field=where[:255], known=", ".join(writable)
            )
        if _read_only(attribute):
            raise exception.ReadOnlyField(field=where)
        if getattr(attribute, "hardware", False) and not hardware:
            raise exception.ForbiddenField(field=where, rule=policies.HARDWARE)
        result[name] = _read_value(attribute.datatype, item, where, hardware)
    for name, attribute in known.items():
        if attribute.mandatory and result.get(name) is None:
            raise exception.MissingField(
                field=f"{path}.{name}" if path else name
            )
    return result


def _read_only(attribute: typing.Any) -> bool:
    return bool(getattr(attribute, "readonly", False))


def _read_value(
    datatype: typing.Any, value: typing.Any, where: str, hardware: bool
) -> object:
    if value is None:
        return None
    if wtypes.iscomplex(datatype):
        return read(datatype, value, where, hardware=hardware)
    if wtypes.isarray(datatype):
        if not isinstance(value, list):
            raise exception.InvalidField(
                field=where, reason="a list is wanted."
            )
        for i, item in enumerate(value):
            if item is None:
                raise exception.InvalidField(
                    field=f"{where}.{i}", reason="null is not wanted here."
                )
        return [
            _read_value(datatype.item_type, item, f"{where}.{i}", hardware)
            for i, item in enumerate(value)
        ]
    return scalar(datatype, value, where)


def scalar(datatype: typing.Any, value: typing.Any, where: str) -> typing.Any:
    """Check one value.

    :raises: InvalidField
    """
    try:
        if isinstance(datatype, wtypes.IntegerType):
            return _integer(datatype, value)
        if isinstance(datatype, wtypes.Enum):
            # Not by "in" alone: the value may be of a type without a hash.
            if isinstance(value, str) and value in datatype.values:
                return value
            words = ", ".join(sorted(map(str, datatype.values)))
            raise ValueError(f"one of {words} is wanted")
        if isinstance(datatype, JsonType) or (
            getattr(datatype, "basetype", None) is float
        ):
            return datatype.validate(value)
        if datatype is bool:
            if isinstance(value, bool):
                return value
            raise ValueError("true or false is wanted")
        return _text(datatype, value)
    except ValueError as e:
        raise exception.InvalidField(field=where, reason=f"{e}.") from None


def _integer(datatype: wtypes.IntegerType, value: typing.Any) -> int:
    # Numbers may come as strings, but 1.5 and true are no integers.
    if isinstance(value, str) and re.fullmatch("[+-]?[0-9]{1,39}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("an integer is wanted")
    if datatype.minimum is not None and value < datatype.minimum:
        raise ValueError(f"it is less than {datatype.minimum}")
    if datatype.maximum is not None and value > datatype.maximum:
        raise ValueError(f"it is more than {datatype.maximum}")
    return value


def _text(datatype: typing.Any, value: typing.Any) -> typing.Any:
    if not isinstance(value, str):
        raise ValueError("a string is wanted")
    if isinstance(datatype, wtypes.UuidType):
        try:
            return wtypes.UuidType.validate(value)
        except ValueError:
            raise ValueError("a uuid is wanted") from None
    if datatype is datetime.datetime:
        try:
            when = datetime.datetime.fromisoformat(value)
            return (
                when.astimezone(datetime.UTC)
                if when.tzinfo
                else when.replace(tzinfo=datetime.UTC)
            )
        except (ValueError, OverflowError):
            raise ValueError(
                "a time such as 2026-01-31T12:00:00Z is wanted"
            ) from None
    if _NO_TEXT.search(value):
        raise ValueError("it has NUL or half a surrogate pair in it")
    if len(value) < (datatype.min_length or 0):
        raise ValueError("it is empty")
    if datatype.max_length is not None and len(value) > datatype.max_length:
        raise ValueError(f"it has more than {datatype.max_length} characters")
    # Those of ours that say more than how long it may be.
    return (
        value
        if type(datatype) is wtypes.StringType
        else (datatype.validate(value))
    )


def unmasked(
    cls: type[base.Resource],
    values: dict[str, typing.Any],
    before: base.Resource | None = None,
) -> dict[str, typing.Any]:
    """Values that were read, with secrets in place of the masks of answers.

    :param before: where the secrets are; None: there are none
    :raises: InvalidField where a mask stands for nothing
    """
    for name, value in values.items():
        field = cls.fields[name]
        if isinstance(field, f.Secret):
            known = getattr(before, name) if before is not None else None
            try:
                values[name] = field.unmasked(value, known)
            except KeyError as e:
                where = ".".join(map(str, (name, *e.args[0])))
                raise exception.InvalidField(
                    field=where[:255],
                    reason="it is the mask that answers have for a secret.",
                ) from None
    return values


def document(
    obj: base.Resource, names: typing.Iterable[str], hardware: bool
) -> dict[str, typing.Any]:
    """What a client sees of an object.

    :param hardware: whether it may know of the hardware
    """
    shown = {}
    for name in names:
        value = getattr(obj, kept_in(type(obj), name, hardware))
        if isinstance(value, datetime.datetime):
            value = value.isoformat()
        shown[name] = obj.fields[name].shown(value, hardware)
    return shown


def kept_in(cls: type[base.Resource], name: str, hardware: bool) -> str:
    """The field that has what a client sees under a name."""
    instead: str | None = cls.fields[name].instead
    return name if hardware or instead is None else instead
