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

"""Listing, showing and patching, the same for every noun."""

import copy
import json
import random
import re
import time
import typing
import urllib.parse

import jsonpatch
import jsonpointer
from oslo_config import cfg
import webob
from wsme import types as wtypes

from valence import exception
from valence.api import types
from valence.api import work
from valence.api.call import JSON
from valence.api.call import JSON_PATCH
from valence.api.call import Call
from valence.context import RequestContext
from valence.objects import base
from valence.objects import fields as f

CONF = cfg.CONF

#: In one JSON Patch.
MOST_OPERATIONS = 100

PAGING = ("limit", "marker", "sort_key", "sort_dir", "fields")


def get(call: Call, cls: type[base.T]) -> base.T:
    """The resource that the path names.

    :raises: NotFound, Ambiguous
    """
    return cls.get(call.context, call.params["ident"])


def show(call: Call, cls: type[base.Resource]) -> webob.Response:
    query = call.query("fields")
    obj = get(call, cls)
    names = _fields(call, cls, query.get("fields"))
    return call.answer(work.document(call, obj, names))


def created(call: Call, obj: base.Resource) -> webob.Response:
    """What answers who made one."""
    location = call.url(f"/v1/{obj.COLLECTION}/{obj.uuid}")
    return call.answer(work.document(call, obj), 201, location)


def referred(
    call: Call,
    cls: type[base.T],
    field: str,
    values: dict[str, typing.Any],
    context: RequestContext | None = None,
) -> base.T:
    """What a field of the body names, by uuid or by name.

    :param context: that finds it; None: that of the request
    :raises: NotFound, naming the field
    """
    try:
        return cls.get(context or call.context, values[field])
    except exception.NotFound as e:
        raise exception.NotFound(f"{field}: {e.detail}") from None


#: Field → words that stand for several of its values.
Groups = dict[str, dict[str, tuple[str, ...]]]


def filtered(
    query: dict[str, str],
    filters: dict[str, typing.Any],
    groups: Groups | None = None,
) -> dict[str, typing.Any]:
    """What the parameters of a query say of these fields."""
    asked: dict[str, typing.Any] = {
        name: types.scalar(
            types.of_field("", field), _word(field, query[name]), name
        )
        for name, field in filters.items()
        if name in query
    }
    for name, words in (groups or {}).items():
        if asked.get(name) in words:
            asked[name] = words[asked[name]]
    return asked


def find(
    call: Call,
    cls: type[base.Resource],
    always: dict[str, typing.Any] | None = None,
    groups: Groups | None = None,
    more: dict[str, typing.Callable[[str], typing.Any]] | None = None,
) -> webob.Response:
    """One page of a collection.

    :param always: filters that hold whatever is asked for
    :param more: filters that are no field, and how they are read
    """
    known = work.visible(call, cls)
    filters = {
        name: cls.fields[name] for name in known if cls.fields[name].filterable
    }
    for name in (*call.request.GET, call.request.GET.get("sort_key", "")):
        work.refuse_hidden(call, cls, name)
    more = more or {}
    query = call.query(*PAGING, *filters, *more)
    names = _fields(call, cls, query.get("fields")) or [
        name for name in known if not cls.fields[name].detail
    ]
    limit = _limit(query.get("limit"))
    marker = query.get("marker")
    if marker is not None:
        marker = types.scalar(wtypes.UuidType(), marker, "marker")
    sortable = [n for n, field in filters.items() if not field.nullable]
    asked = filtered(query, filters, groups) | {
        name: read(query[name]) for name, read in more.items() if name in query
    }
    page: base.Page = {
        "filters": {**asked, **(always or {})},
        # One more than is shown tells whether there is a next page.
        "limit": limit + 1,
        "marker": marker,
        "sort_key": _one_of("sort_key", query, sortable, "created_at"),
        "sort_dir": _one_of("sort_dir", query, ["asc", "desc"], "asc"),
        "fields": list(
            dict.fromkeys(
                types.kept_in(cls, name, call.context.sees_hardware)
                for name in ("uuid", *names)
            )
        ),
    }
    found = cls.find(call.context, page)
    response = call.answer(
        [work.document(call, obj, names) for obj in found[:limit]]
    )
    if len(found) > limit:
        after = {**query, "limit": limit, "marker": found[limit - 1].uuid}
        path = call.url(f"/v1/{cls.COLLECTION}")
        response.headers["Link"] = (
            f'<{path}?{urllib.parse.urlencode(after)}>; rel="next"'
        )
    return response


def _word(field: typing.Any, value: str) -> typing.Any:
    """A value of the query as JSON would have it."""
    if isinstance(field, f.Boolean) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _limit(value: str | None) -> int:
    if value is None:
        return CONF.api.max_limit
    if not re.fullmatch("[0-9]{1,18}", value) or int(value) < 1:
        raise exception.InvalidField(
            field="limit", reason="a positive integer is wanted."
        )
    return min(int(value), CONF.api.max_limit)


def _one_of(
    name: str, query: dict[str, str], known: list[str], default: str
) -> str:
    value = query.get(name, default)
    if value not in known:
        raise exception.InvalidField(
            field=name, reason=f"one of {', '.join(sorted(known))} is wanted."
        )
    return value


def _fields(
    call: Call, cls: type[base.Resource], value: str | None
) -> list[str] | None:
    if value is None:
        return None
    known = work.visible(call, cls)
    names = [name for name in value.split(",") if name]
    for name in names:
        work.refuse_hidden(call, cls, name)
        if name not in known:
            raise exception.InvalidField(
                field="fields",
                reason=f"'{name[:255]}' is none of {', '.join(known)}.",
            )
    return list(dict.fromkeys(names)) or None


# -- JSON Patch (RFC 6902) ----------------------------------------------------


def read_patch(call: Call) -> list[dict[str, typing.Any]]:
    """The operations of the body.

    :raises: InvalidField, UnsupportedMediaType, InvalidJson
    """
    call.query()
    operations = call.json(JSON_PATCH, JSON)
    if not isinstance(operations, list) or not operations:
        raise exception.InvalidField(
            field="body",
            reason="a list of JSON Patch operations (RFC 6902) is wanted.",
        )
    if len(operations) > MOST_OPERATIONS:
        raise exception.InvalidField(
            field="body",
            reason=f"it has more than {MOST_OPERATIONS} operations.",
        )
    for i, operation in enumerate(operations):
        _check_operation(operation, f"body.{i}")
    return operations


#: What an operation needs besides op and path.
_NEEDS = {
    "add": "value",
    "replace": "value",
    "test": "value",
    "remove": "path",
    "move": "from",
    "copy": "from",
}


def _check_operation(operation: typing.Any, where: str) -> None:
    if not isinstance(operation, dict):
        raise exception.InvalidField(
            field=where, reason="an object with op and path is wanted."
        )
    if operation.get("op") is None:
        raise exception.MissingField(field=f"{where}.op")
    op = types.scalar(
        wtypes.Enum(str, *_NEEDS), operation["op"], f"{where}.op"
    )
    for key in ("path", _NEEDS[op]):
        if key not in operation:
            raise exception.MissingField(field=f"{where}.{key}")
    for key in ("path", "from"):
        pointer = operation.get(key, "/")
        if not isinstance(pointer, str) or not re.fullmatch(
            "(/([^~/]|~[01])*)+", pointer
        ):
            raise exception.InvalidField(
                field=f"{where}.{key}",
                reason="a JSON pointer such as '/name' is wanted.",
            )


def patched(
    call: Call,
    obj: base.Resource,
    operations: list[dict[str, typing.Any]],
    datatype: typing.Any,
) -> dict[str, typing.Any]:
    """What a patch changes, checked: field → new value.

    :param operations: of :func:`read_patch`
    :param datatype: WSME type of the class, in which nothing is mandatory
    :raises: InvalidField, UnknownField, ReadOnlyField, Conflict
    """
    before = {
        name: getattr(obj, name)
        for name in work.visible(call, type(obj))
        if obj.fields[name].access is f.Access.WRITE
    }
    for name in before:
        field = obj.fields[name]
        if isinstance(field, f.Secret):
            # Clients change what they see.
            before[name] = field.masked(before[name])
    after = copy.deepcopy(before)
    for i, operation in enumerate(operations):
        for key in ("path", "from"):
            if key in operation:
                _check_path(call, obj, operation, key, f"body.{i}.{key}")
        after = _applied(after, operation, f"body.{i}")
    changed = {
        name: after.get(name)
        for name, value in before.items()
        if after.get(name) != value
    }
    for name, value in changed.items():
        if value is None and not obj.fields[name].nullable:
            raise exception.InvalidField(
                field=name, reason="it cannot be removed."
            )
    values = types.read(
        datatype,
        changed,
        version=call.version,
        hardware=call.context.sees_hardware,
    )
    return types.unmasked(type(obj), values, obj)


def _applied(
    document: dict[str, typing.Any],
    operation: dict[str, typing.Any],
    where: str,
) -> dict[str, typing.Any]:
    try:
        # A copy: later operations may change the value that this one adds.
        document = jsonpatch.apply_patch(
            document, [copy.deepcopy(operation)], in_place=True
        )
        # A copy into itself doubles, again and again.
        grown = operation["op"] == "copy" and (
            len(json.dumps(document)) > CONF.api.max_body_size
        )
    except jsonpatch.JsonPatchTestFailed:
        raise exception.Conflict(f"The test in {where} failed.") from None
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        RecursionError,
    ):
        # Their messages may show the whole document.
        raise exception.InvalidField(
            field=f"{where}.path",
            reason=f"{operation['op']} is not possible there.",
        ) from None
    if grown:
        raise exception.InvalidField(field=where, reason="it is too large.")
    return document


def _check_path(
    call: Call,
    obj: base.Resource,
    operation: dict[str, typing.Any],
    key: str,
    where: str,
) -> None:
    known = work.visible(call, type(obj))
    name = operation[key].split("/")[1].replace("~1", "/").replace("~0", "~")
    work.refuse_hidden(call, type(obj), name)
    if name not in known:
        writable = sorted(
            n for n in known if obj.fields[n].access is f.Access.WRITE
        )
        raise exception.UnknownField(
            field=name[:255], known=", ".join(writable)
        )
    field = obj.fields[name]
    if field.access is not f.Access.WRITE:
        raise exception.ReadOnlyField(field=name)
    if isinstance(field, f.Secret) and operation["op"] not in (
        "add",
        "replace",
        "remove",
    ):
        # What they would work on are the masks.
        raise exception.InvalidField(
            field=where,
            reason="credentials can be added, replaced and removed only.",
        )


def saved(obj: base.T, values: dict[str, typing.Any]) -> base.T:
    """The resource with what changes, written if anything does."""
    for name, value in values.items():
        setattr(obj, name, value)
    if values:
        obj.save()
    return obj


def until_unchanged(change: typing.Callable[[], base.T]) -> base.T:
    """Read, change and write again while others write between."""
    for attempt in range(50):
        try:
            return change()
        except exception.Changed:
            # Many at once would go on getting in each other's way.
            time.sleep(random.uniform(0, min(0.005 * attempt, 0.1)))  # noqa: S311
    return change()
