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

import typing
import urllib.parse

import jsonpatch
import jsonpointer
import webob
from oslo_config import cfg

from valence import exception
from valence.api import types, work
from valence.api.call import JSON, JSON_PATCH, Call
from valence.objects import base
from valence.objects import fields as f

CONF = cfg.CONF

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


def find(call: Call, cls: type[base.Resource]) -> webob.Response:
    """One page of a collection."""
    filters = {
        name: field
        for name, field in cls.fields.items()
        if field.visible and field.filterable and field.since <= call.version
    }
    query = call.query(*PAGING, *filters)
    names = _fields(call, cls, query.get("fields")) or [
        name
        for name in work.visible(cls, call.version)
        if not cls.fields[name].detail
    ]
    limit = _limit(query.get("limit"))
    sortable = [n for n, field in filters.items() if not field.nullable]
    page: base.Page = {
        "filters": {
            name: types.scalar(
                types.of_field("", field), _word(field, query[name]), name
            )
            for name, field in filters.items()
            if name in query
        },
        # One more than is shown tells whether there is a next page.
        "limit": limit + 1,
        "marker": query.get("marker"),
        "sort_key": _one_of("sort_key", query, sortable, "created_at"),
        "sort_dir": _one_of("sort_dir", query, ["asc", "desc"], "asc"),
        "fields": list(dict.fromkeys(["uuid", *names])),
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
    if not value.isdecimal() or int(value) < 1:
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
    known = work.visible(cls, call.version)
    names = [name for name in value.split(",") if name]
    for name in names:
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
    for i, operation in enumerate(operations):
        where = f"body.{i}"
        if not isinstance(operation, dict):
            raise exception.InvalidField(
                field=where, reason="an object with op and path is wanted."
            )
        for key in ("op", "path", "from"):
            value = operation.get(key)
            if value is None and (
                key != "from" or operation.get("op") not in ("move", "copy")
            ):
                if key == "from":
                    continue
                raise exception.MissingField(field=f"{where}.{key}")
            if not isinstance(value, str):
                raise exception.InvalidField(
                    field=f"{where}.{key}", reason="a string is wanted."
                )
    return operations


def patched(
    cls: type[base.Resource],
    obj: base.Resource,
    operations: list[dict[str, typing.Any]],
    datatype: typing.Any,
) -> dict[str, typing.Any]:
    """What a patch changes, checked: field → new value.

    :param datatype: WSME type of the class, in which nothing is mandatory
    :raises: InvalidField, UnknownField, ReadOnlyField, Conflict
    """
    writable = {
        name: getattr(obj, name)
        for name, field in cls.fields.items()
        if field.access is f.Access.WRITE
    }
    for operation in operations:
        for key in ("path", "from"):
            if isinstance(operation.get(key), str):
                _check_path(cls, writable, operation, key)
    try:
        after = jsonpatch.apply_patch(
            {n: v for n, v in writable.items() if v is not None}, operations
        )
    except jsonpatch.JsonPatchTestFailed:
        raise exception.Conflict("A test of the patch failed.") from None
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
    ) as e:
        raise exception.InvalidField(
            field="body", reason=f"the patch cannot be applied: {e}."
        ) from None
    changed = {
        name: after.get(name)
        for name, value in writable.items()
        if after.get(name) != value
    }
    for name, value in changed.items():
        if value is None and not cls.fields[name].nullable:
            raise exception.InvalidField(
                field=name, reason="it cannot be removed."
            )
    return types.read(datatype, changed)


def _check_path(
    cls: type[base.Resource],
    writable: dict[str, typing.Any],
    operation: dict[str, typing.Any],
    key: str,
) -> None:
    pointer = operation[key]
    if not pointer.startswith("/"):
        raise exception.InvalidField(
            field=f"body.{key}",
            reason="a JSON pointer such as '/name' is wanted.",
        )
    name = pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
    field = cls.fields.get(name)
    if field is None or not field.visible:
        raise exception.UnknownField(
            field=name[:255], known=", ".join(sorted(writable))
        )
    if name not in writable:
        raise exception.ReadOnlyField(field=name)
    if isinstance(field, f.Credentials) and operation.get("op") not in (
        "add",
        "replace",
        "remove",
    ):
        # The others would tell what the secret is, or move it into sight.
        raise exception.InvalidField(
            field=f"body.{key}",
            reason="credentials can be added, replaced and removed only.",
        )


def until_unchanged(change: typing.Callable[[], base.T]) -> base.T:
    """Read, change and write again while others write between."""
    for _ in range(20):
        try:
            return change()
        except exception.Changed:
            continue
    return change()
