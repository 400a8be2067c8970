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

"""The API as an OpenAPI document, made of what the API itself goes by.

Paths, methods and rules are those of the routes, bodies the types that they
are read by, answers the fields of the objects. What is written here is only
which of them belongs to which request, and what an answer may be besides.
"""

import typing

from valence import objects
from valence import policies
from valence.api import enrollment
from valence.api import schemas
from valence.api import versions
from valence.api.schemas import Schema
from valence.api.v1 import allocation
from valence.api.v1 import device
from valence.api.v1 import flavor
from valence.api.v1 import inventory
from valence.api.v1 import node
from valence.api.v1 import pod_manager
from valence.api.v1 import resource_class
from valence.api.v1 import resource_provider
from valence.objects import base

Key = tuple[str, str]

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
TEXT = "text/plain"

#: Collection → what is in it.
NOUNS: dict[str, type[base.Resource]] = {
    cls.COLLECTION: cls
    for cls in (
        objects.Device,
        objects.Flavor,
        objects.Node,
        objects.Operation,
        objects.PodManager,
        objects.Rack,
        objects.ResourceClass,
        objects.ResourceProvider,
        objects.System,
    )
}

#: What bodies are read by; PATCH takes a JSON Patch.
BODIES: dict[Key, typing.Any] = {
    ("POST", "/v1/devices/sync"): device.Which,
    ("POST", "/v1/flavors"): flavor.NEW,
    ("POST", "/v1/nodes"): node.NEW,
    ("POST", "/v1/nodes/manage"): node.Adoption,
    ("POST", "/v1/nodes/{ident}/action"): node.ACTIONS,
    ("POST", "/v1/nodes/{ident}/register"): enrollment.Enrollment,
    ("POST", "/v1/nodes/{ident}/unregister"): node.Parting,
    ("POST", "/v1/pod_managers"): pod_manager.NEW,
    ("POST", "/v1/resource_classes"): resource_class.NEW,
    ("POST", "/v1/resource_providers"): resource_provider.NEW,
    (
        "PUT",
        "/v1/resource_providers/{ident}/inventories",
    ): inventory.Inventories,
    ("PUT", "/v1/resource_providers/{ident}/traits"): resource_provider.Traits,
    ("PUT", "/v1/allocations/{ident}"): allocation.Allocations,
}

#: Where a request may do without one.
OPTIONAL = {
    ("POST", "/v1/devices/sync"),
    ("POST", "/v1/nodes/{ident}/register"),
    ("POST", "/v1/nodes/{ident}/unregister"),
}

_OBJECT: Schema = {"type": "object"}


def _noun(cls: type[base.Resource]) -> Schema:
    return {"$ref": f"#/components/schemas/{cls.__name__}"}


_OPERATION = _noun(objects.Operation)
_NODE = _noun(objects.Node)
_POD_MANAGER = _noun(objects.PodManager)

#: What is answered where a noun's collection and method do not say it:
#: status → schema, or None where there is no body.
ANSWERS: dict[Key, dict[int, Schema | None]] = {
    ("GET", "/"): {200: _OBJECT},
    ("GET", "/metrics"): {200: {"type": "string"}},
    ("GET", "/v1"): {200: _OBJECT},
    ("GET", "/v1/openapi.json"): {200: _OBJECT},
    ("POST", "/v1/pod_managers"): {200: _POD_MANAGER, 202: _POD_MANAGER},
    ("PATCH", "/v1/pod_managers/{ident}"): {
        200: _POD_MANAGER,
        202: _POD_MANAGER,
    },
    ("POST", "/v1/pod_managers/{ident}/sync"): {
        200: _OPERATION,
        202: _OPERATION,
    },
    ("GET", "/v1/pod_managers/{ident}/audit"): {200: _OBJECT},
    ("GET", "/v1/devices/stats"): {200: schemas.LIST},
    ("POST", "/v1/devices/sync"): {200: schemas.LIST, 202: schemas.LIST},
    # A dry run is answered with what was found.
    ("POST", "/v1/nodes"): {200: {"anyOf": [_NODE, _OBJECT]}, 202: _NODE},
    ("POST", "/v1/nodes/manage"): {200: _NODE, 202: _NODE},
    ("DELETE", "/v1/nodes/{ident}"): {202: _NODE, 204: None},
    ("POST", "/v1/nodes/{ident}/action"): {202: _OPERATION, 204: None},
    ("POST", "/v1/nodes/{ident}/register"): {200: _NODE, 202: _NODE},
    ("POST", "/v1/nodes/{ident}/unregister"): {200: _NODE, 202: _NODE},
    ("GET", "/v1/nodes/{ident}/assets"): {
        200: {"type": "object", "additionalProperties": schemas.LIST}
    },
    ("GET", "/v1/nodes/{ident}/storages"): {200: schemas.LIST},
    ("GET", "/v1/operations/stats"): {200: schemas.LIST},
    ("POST", "/v1/operations/{ident}/cancel"): {202: _OPERATION},
    ("GET", "/v1/resource_providers/{ident}/inventories"): {200: _OBJECT},
    ("PUT", "/v1/resource_providers/{ident}/inventories"): {200: _OBJECT},
    ("GET", "/v1/resource_providers/{ident}/usages"): {200: _OBJECT},
    ("GET", "/v1/resource_providers/{ident}/traits"): {200: _OBJECT},
    ("PUT", "/v1/resource_providers/{ident}/traits"): {200: _OBJECT},
    ("GET", "/v1/allocations/{ident}"): {200: _OBJECT},
    ("PUT", "/v1/allocations/{ident}"): {204: None},
    ("DELETE", "/v1/allocations/{ident}"): {204: None},
}

#: Query parameters that are no field of what is listed.
MORE_QUERY: dict[Key, tuple[str, ...]] = {
    ("GET", "/v1/devices/stats"): ("podm_id", "type"),
    ("GET", "/v1/operations/stats"): ("kind", "state"),
    ("GET", "/v1/resource_providers"): ("resources", "required"),
}

#: POST that can be sent again without an Idempotency-Key.
WITHOUT_KEY = {("POST", "/v1/devices/sync")}

#: Whose body names what may not be there.
REFERRING = {
    ("POST", "/v1/devices/sync"),
    ("POST", "/v1/nodes"),
    ("POST", "/v1/nodes/manage"),
    ("POST", "/v1/resource_providers"),
}

#: What hardware may make of a request, for a client that waits.
_HARDWARE = (502, 504)

#: Status → what it says, wherever it is answered.
STATUSES = {
    200: "It is done.",
    201: "It was made.",
    202: "It is under way.",
    204: "It is done, and there is nothing to show.",
    400: "The request has something wrong.",
    401: "The request has no token that is valid.",
    403: "The policy does not allow it.",
    404: "There is no such resource, or it is another project's.",
    406: "This microversion is not supported.",
    409: "Something stands in the way.",
    413: "The body is too large.",
    415: "The Content-Type is not one that is accepted here.",
    422: "The Idempotency-Key was used before with another request.",
    502: "The client waited, and the pod manager failed.",
    503: "Something that is needed does not answer.",
    504: "The client waited, and the pod manager did not answer.",
}


def document(
    routes: typing.Mapping[str, typing.Mapping[str, typing.Any]],
) -> dict[str, typing.Any]:
    """The OpenAPI document of these routes."""
    texts = {
        rule.name.removeprefix("valence:"): rule.description
        for rule in policies.list_rules()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Composition API",
            "version": versions.MAX,
            "license": {
                "name": "Apache-2.0",
                "identifier": "Apache-2.0",
            },
        },
        "servers": [{"url": "/"}],
        "paths": {
            path: {
                method.lower(): _operation(
                    (method, path), route, texts.get(route.rule or "")
                )
                for method, route in methods.items()
            }
            for path, methods in routes.items()
        },
        "components": {
            "schemas": {
                **{
                    cls.__name__: schemas.of_object(cls)
                    for cls in NOUNS.values()
                },
                "Error": schemas.ERROR,
                "Patch": schemas.PATCH,
            },
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Auth-Token",
                }
            },
        },
    }


def statuses(key: Key, rule: str | None) -> list[int]:
    """Every status that a request may be answered with."""
    method, path = key
    found = {*answers(key), 400, 406}
    if rule is not None:
        found |= {401, 403, 503}
    named = path.split("/")[2:3] in (
        ["nodes"],
        ["allocations"],
        ["resource_providers"],
    )
    if "{ident}" in path:
        found.add(404)
        if named:
            found.add(409)  # two of that name
    if method != "GET":
        found |= {409, 413}
        if method == "POST" and key not in WITHOUT_KEY:
            found.add(422)
        if method == "PATCH" or key in BODIES:
            found.add(415)
        if key in REFERRING:
            found.add(404)
    if path.startswith("/v1/nodes") and method in ("POST", "DELETE"):
        found |= set(_HARDWARE)
    return sorted(found)


def answers(key: Key) -> dict[int, Schema | None]:
    """What a request is answered with where nothing is wrong."""
    if key in ANSWERS:
        return ANSWERS[key]
    method, path = key
    one = _noun(NOUNS[path.split("/")[2]])
    if method == "GET" and "{ident}" not in path:
        return {200: {"type": "array", "items": one}}
    usual: dict[str, dict[int, Schema | None]] = {
        "GET": {200: one},
        "POST": {201: one},
        "PATCH": {200: one},
        "DELETE": {204: None},
    }
    return usual[method]


def _operation(key: Key, route: typing.Any, text: str | None) -> Schema:
    method, path = key
    rule: str | None = route.rule
    told = answers(key)
    found: Schema = {
        "operationId": "_".join([method.lower(), *_words(path)]),
        "summary": text or "Show what versions there are, and what they take.",
        "parameters": _parameters(key),
        "responses": {
            str(status): _response(status, told, TEXT if route.text else JSON)
            for status in statuses(key, rule)
        },
        "security": [{"token": []}] if rule else [],
    }
    if rule:
        found["x-policy-rule"] = f"valence:{rule}"
    if method == "PATCH":
        patch = {"schema": {"$ref": "#/components/schemas/Patch"}}
        found["requestBody"] = {
            "required": True,
            "content": {JSON_PATCH: patch, JSON: patch},
        }
    elif key in BODIES:
        found["requestBody"] = {
            "required": key not in OPTIONAL,
            "content": {JSON: {"schema": schemas.of_body(BODIES[key])}},
        }
    return found


def _words(path: str) -> list[str]:
    return [word.strip("{}") for word in path.replace(".", "/").split("/")][1:]


def _response(
    status: int, told: dict[int, Schema | None], media: str
) -> Schema:
    found: Schema = {"description": STATUSES[status]}
    if status >= 400:
        schema: Schema | None = {"$ref": "#/components/schemas/Error"}
        media = JSON
    else:
        schema = told[status]
    if schema is not None:
        found["content"] = {media: {"schema": schema}}
    return found


def _parameters(key: Key) -> list[Schema]:
    method, path = key
    found = [
        _parameter(
            versions.HEADER,
            "header",
            {"type": "string", "maxLength": 255},
        )
    ]
    if "{ident}" in path:
        ident = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
        found.append(_parameter("ident", "path", ident))
    if method == "POST" and key not in WITHOUT_KEY:
        key_ = {"type": "string", "minLength": 1, "maxLength": 255}
        found.append(_parameter("Idempotency-Key", "header", key_))
    if method != "GET":
        wait = {"type": "string", "pattern": "^wait=[0-9]{1,9}$"}
        found.append(_parameter("Prefer", "header", wait))
    query: dict[str, Schema] = {}
    parts = path.split("/")
    cls = NOUNS.get(parts[2]) if len(parts) > 2 else None
    if method == "GET" and cls is not None and key not in ANSWERS:
        query = _query(cls, listed="{ident}" not in path)
    for name in MORE_QUERY.get(key, ()):
        query.setdefault(name, {"type": "string"})
    return found + [_parameter(n, "query", query[n]) for n in query]


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
    }


def _query(cls: type[base.Resource], listed: bool) -> dict[str, Schema]:
    found: dict[str, Schema] = {"fields": {"type": "string"}}
    if not listed:
        return found
    filters = {
        name: field
        for name, field in cls.fields.items()
        if field.visible and field.filterable
    }
    for name, field in filters.items():
        schema = schemas.of_field(field)
        schema["type"] = "string"
        schema.pop("enum", None)  # there are words for several
        found[name] = schema
    sortable = [n for n, field in filters.items() if not field.nullable]
    return found | {
        "limit": {"type": "integer", "minimum": 1},
        "marker": {"type": "string", "format": "uuid"},
        "sort_key": {"type": "string", "enum": sortable},
        "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
    }
