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

"""The whole API: every path, every method, who may ask and who answers."""

import functools
import typing

import webob

from valence.api import metrics
from valence.api import openapi
from valence.api import versions
from valence.api.call import Call
from valence.api.v1 import allocation
from valence.api.v1 import device
from valence.api.v1 import flavor
from valence.api.v1 import inventory
from valence.api.v1 import node
from valence.api.v1 import operation
from valence.api.v1 import pod_manager
from valence.api.v1 import rack
from valence.api.v1 import resource_class
from valence.api.v1 import resource_provider
from valence.api.v1 import system

Handler = typing.Callable[[Call], webob.Response]


class Route(typing.NamedTuple):
    """What answers a request, and the policy rule that lets it pass.

    :ivar rule: without ``valence:``; None: everybody may ask, with no token
    :ivar text: it is answered with text, and not with JSON
    """

    handler: Handler
    rule: str | None
    text: bool = False


Methods = dict[str, Route]


def discover(call: Call) -> webob.Response:
    """All versions; there is one."""
    call.query()
    shown = versions.document(call.request.application_url)
    return call.answer({"versions": [shown]})


def discover_v1(call: Call) -> webob.Response:
    call.query()
    shown = versions.document(call.request.application_url)
    return call.answer({"version": shown})


def describe(call: Call) -> webob.Response:
    """All of this, as an OpenAPI document."""
    call.query()
    return call.answer(
        {**described(), "servers": [{"url": call.url("/")}]},
    )


@functools.cache
def described() -> dict[str, typing.Any]:
    return openapi.document(ROUTES)


ROUTES: dict[str, Methods] = {
    "/": {"GET": Route(discover, None)},
    "/metrics": {"GET": Route(metrics.show, "metrics:show", text=True)},
    "/v1": {"GET": Route(discover_v1, None)},
    "/v1/openapi.json": {"GET": Route(describe, None)},
    "/v1/pod_managers": {
        "GET": Route(pod_manager.find, "pod_managers:list"),
        "POST": Route(pod_manager.create, "pod_managers:create"),
    },
    "/v1/pod_managers/{ident}": {
        "GET": Route(pod_manager.show, "pod_managers:show"),
        "PATCH": Route(pod_manager.patch, "pod_managers:update"),
        "DELETE": Route(pod_manager.delete, "pod_managers:delete"),
    },
    "/v1/pod_managers/{ident}/sync": {
        "POST": Route(pod_manager.sync, "pod_managers:sync"),
    },
    "/v1/pod_managers/{ident}/audit": {
        "GET": Route(pod_manager.audit, "pod_managers:audit"),
    },
    "/v1/devices": {"GET": Route(device.find, "devices:list")},
    "/v1/devices/stats": {"GET": Route(device.stats, "devices:stats")},
    "/v1/devices/sync": {"POST": Route(device.sync, "devices:sync")},
    "/v1/devices/{ident}": {"GET": Route(device.show, "devices:show")},
    "/v1/systems": {"GET": Route(system.find, "systems:list")},
    "/v1/systems/{ident}": {"GET": Route(system.show, "systems:show")},
    "/v1/racks": {"GET": Route(rack.find, "racks:list")},
    "/v1/racks/{ident}": {"GET": Route(rack.show, "racks:show")},
    "/v1/flavors": {
        "GET": Route(flavor.find, "flavors:list"),
        "POST": Route(flavor.create, "flavors:create"),
    },
    "/v1/resource_classes": {
        "GET": Route(resource_class.find, "resource_classes:list"),
        "POST": Route(resource_class.create, "resource_classes:create"),
    },
    "/v1/resource_classes/{ident}": {
        "GET": Route(resource_class.show, "resource_classes:show"),
        "DELETE": Route(resource_class.delete, "resource_classes:delete"),
    },
    "/v1/resource_providers": {
        "GET": Route(resource_provider.find, "resource_providers:list"),
        "POST": Route(resource_provider.create, "resource_providers:create"),
    },
    "/v1/resource_providers/{ident}": {
        "GET": Route(resource_provider.show, "resource_providers:show"),
        "PATCH": Route(resource_provider.patch, "resource_providers:update"),
        "DELETE": Route(resource_provider.delete, "resource_providers:delete"),
    },
    "/v1/resource_providers/{ident}/inventories": {
        "GET": Route(inventory.show, "inventories:show"),
        "PUT": Route(inventory.replace, "inventories:replace"),
    },
    "/v1/resource_providers/{ident}/usages": {
        "GET": Route(inventory.usages, "inventories:show"),
    },
    "/v1/resource_providers/{ident}/traits": {
        "GET": Route(resource_provider.traits, "resource_providers:show"),
        "PUT": Route(
            resource_provider.set_traits, "resource_providers:set_traits"
        ),
    },
    "/v1/allocations/{ident}": {
        "GET": Route(allocation.show, "allocations:show"),
        "PUT": Route(allocation.replace, "allocations:replace"),
        "DELETE": Route(allocation.delete, "allocations:delete"),
    },
    "/v1/flavors/{ident}": {
        "GET": Route(flavor.show, "flavors:show"),
        "PATCH": Route(flavor.patch, "flavors:update"),
        "DELETE": Route(flavor.delete, "flavors:delete"),
    },
    "/v1/nodes": {
        "GET": Route(node.find, "nodes:list"),
        "POST": Route(node.compose, "nodes:compose"),
    },
    "/v1/nodes/manage": {"POST": Route(node.manage, "nodes:manage")},
    "/v1/nodes/{ident}": {
        "GET": Route(node.show, "nodes:show"),
        "PATCH": Route(node.patch, "nodes:update"),
        "DELETE": Route(node.release, "nodes:release"),
    },
    "/v1/nodes/{ident}/action": {"POST": Route(node.action, "nodes:action")},
    "/v1/nodes/{ident}/register": {
        "POST": Route(node.register, "nodes:register"),
    },
    "/v1/nodes/{ident}/unregister": {
        "POST": Route(node.unregister, "nodes:unregister"),
    },
    "/v1/nodes/{ident}/assets": {"GET": Route(node.assets, "nodes:assets")},
    "/v1/nodes/{ident}/storages": {
        "GET": Route(node.storages, "nodes:assets"),
    },
    "/v1/operations": {"GET": Route(operation.find, "operations:list")},
    "/v1/operations/stats": {
        "GET": Route(operation.stats, "operations:stats"),
    },
    "/v1/operations/{ident}": {
        "GET": Route(operation.show, "operations:show"),
    },
    "/v1/operations/{ident}/cancel": {
        "POST": Route(operation.cancel, "operations:cancel"),
    },
}

#: Spellings of the original Valence.
ALIASES = {
    "podmanagers": "pod_managers",
    "podmanager": "pod_managers",
    "pooled": "devices",
}


class _Branch:
    """The routes, as a tree of path segments."""

    def __init__(self) -> None:
        self.literal: dict[str, _Branch] = {}
        self.parameter: tuple[str, _Branch] | None = None
        self.methods: Methods | None = None


def _tree() -> _Branch:
    root = _Branch()
    for template, methods in ROUTES.items():
        branch = root
        for segment in filter(None, template.split("/")):
            if segment.startswith("{"):
                if branch.parameter is None:
                    branch.parameter = (segment[1:-1], _Branch())
                branch = branch.parameter[1]
            else:
                branch = branch.literal.setdefault(segment, _Branch())
        branch.methods = methods
    return root


_ROOT = _tree()


def match(
    segments: typing.Sequence[str],
) -> tuple[Methods, dict[str, str]] | None:
    """Find a path: its methods and its parameters."""
    branch, params = _ROOT, {}
    for place, segment in enumerate(s for s in segments if s):
        if place == 1:
            segment = ALIASES.get(segment, segment)
        if segment in branch.literal:
            branch = branch.literal[segment]
        elif branch.parameter is not None:
            name, branch = branch.parameter
            params[name] = segment
        else:
            return None
    if branch.methods is None:
        return None
    return branch.methods, params
