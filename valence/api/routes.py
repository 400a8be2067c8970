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

"""The whole API: every path, every method, and who answers."""

import typing

import webob

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


def discover(call: Call) -> webob.Response:
    """All versions; there is one."""
    call.query()
    shown = versions.document(call.request.application_url)
    return call.answer({"versions": [shown]})


def discover_v1(call: Call) -> webob.Response:
    call.query()
    shown = versions.document(call.request.application_url)
    return call.answer({"version": shown})


ROUTES: dict[str, dict[str, Handler]] = {
    "/": {"GET": discover},
    "/v1": {"GET": discover_v1},
    "/v1/pod_managers": {
        "GET": pod_manager.find,
        "POST": pod_manager.create,
    },
    "/v1/pod_managers/{ident}": {
        "GET": pod_manager.show,
        "PATCH": pod_manager.patch,
        "DELETE": pod_manager.delete,
    },
    "/v1/pod_managers/{ident}/sync": {"POST": pod_manager.sync},
    "/v1/pod_managers/{ident}/audit": {"GET": pod_manager.audit},
    "/v1/devices": {"GET": device.find},
    "/v1/devices/stats": {"GET": device.stats},
    "/v1/devices/sync": {"POST": device.sync},
    "/v1/devices/{ident}": {"GET": device.show},
    "/v1/systems": {"GET": system.find},
    "/v1/systems/{ident}": {"GET": system.show},
    "/v1/racks": {"GET": rack.find},
    "/v1/racks/{ident}": {"GET": rack.show},
    "/v1/resource_classes": {
        "GET": resource_class.find,
        "POST": resource_class.create,
    },
    "/v1/resource_classes/{ident}": {
        "GET": resource_class.show,
        "DELETE": resource_class.delete,
    },
    "/v1/resource_providers": {
        "GET": resource_provider.find,
        "POST": resource_provider.create,
    },
    "/v1/resource_providers/{ident}": {
        "GET": resource_provider.show,
        "PATCH": resource_provider.patch,
        "DELETE": resource_provider.delete,
    },
    "/v1/resource_providers/{ident}/inventories": {
        "GET": inventory.show,
        "PUT": inventory.replace,
    },
    "/v1/resource_providers/{ident}/usages": {"GET": inventory.usages},
    "/v1/resource_providers/{ident}/traits": {
        "GET": resource_provider.traits,
        "PUT": resource_provider.set_traits,
    },
    "/v1/allocations/{ident}": {
        "GET": allocation.show,
        "PUT": allocation.replace,
        "DELETE": allocation.delete,
    },
    "/v1/flavors": {"GET": flavor.find, "POST": flavor.create},
    "/v1/flavors/{ident}": {
        "GET": flavor.show,
        "PATCH": flavor.patch,
        "DELETE": flavor.delete,
    },
    "/v1/nodes": {"GET": node.find, "POST": node.compose},
    "/v1/nodes/manage": {"POST": node.manage},
    "/v1/nodes/{ident}": {
        "GET": node.show,
        "PATCH": node.patch,
        "DELETE": node.release,
    },
    "/v1/nodes/{ident}/action": {"POST": node.action},
    "/v1/nodes/{ident}/register": {"POST": node.register},
    "/v1/nodes/{ident}/unregister": {"POST": node.unregister},
    "/v1/nodes/{ident}/assets": {"GET": node.assets},
    "/v1/nodes/{ident}/storages": {"GET": node.storages},
    "/v1/operations": {"GET": operation.find},
    "/v1/operations/{ident}": {"GET": operation.show},
    "/v1/operations/{ident}/cancel": {"POST": operation.cancel},
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
        self.methods: dict[str, Handler] | None = None


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
) -> tuple[dict[str, Handler], dict[str, str]] | None:
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
