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


"""What a composed node says of attaching things to it and detaching them."""

import typing

from valence import exception
from valence.drivers.redfishv1 import connector as rsd_connector
from valence.drivers.redfishv1 import resources


class Exchange(typing.NamedTuple):
    """An action of a node that attaches something to it or detaches it."""

    target: str  #: where to POST
    values: list[str] | None  #: links to what may be named, where it says so
    info: str | None  #: the ActionInfo, which says it elsewhere


class ActionInfo(resources.Resource):
    """What an action takes (DSP0266, "Action info"; DSP8010 ActionInfo)."""

    def _allowed(self, parameter: str) -> tuple[bool, list[typing.Any]] | None:
        """Whether a parameter is required, and its values."""
        parameters = self.json.get("Parameters")
        for one in parameters if isinstance(parameters, list) else ():
            if isinstance(one, dict) and one.get("Name") == parameter:
                values = one.get("AllowableValues")
                return (
                    one.get("Required") is True,
                    values if isinstance(values, list) else [],
                )
        return None

    @property
    def values(self) -> list[str] | None:
        """Links to what Resource may name; None where nothing is said."""
        found = self._allowed("Resource")
        return None if found is None else resources.links(found[1])

    def protocol(self, own: str | None) -> str | None:
        """What to give as Protocol for a resource that speaks ``own``.

        The values are of all resources together, and the pod manager refuses
        one that is not the resource's own (intelRSD 2.5,
        AttachActionValidator), so another is only given where there must be
        one and there is no choice.
        """
        found = self._allowed("Protocol")
        if found is None:
            return None
        required, values = found
        if own in values:
            return own
        if required:
            return values[0] if len(values) == 1 else own
        return None


def of(node: resources.Node, verb: str) -> Exchange | None:
    """How to 'Attach' something to a node or 'Detach' it, if at all.

    AttachEndpoint with the candidates inline in 2.1 and 2.2 (335455-002,
    "ComposedNode.AttachEndpoint"); AttachResource with an ActionInfo from 2.3
    on (337204-003, "ComposedNode.AttachResource"), linked by an object in 2.3
    and by text from 2.4 on.
    """
    for kind in ("Resource", "Endpoint"):
        name = f"ComposedNode.{verb}{kind}"
        action, target = node.action(name), node.target(name)
        if action is None or target is None:
            continue
        values = action.get("Resource@Redfish.AllowableValues")
        info = node.paths(resources.links(action.get("@Redfish.ActionInfo")))
        return Exchange(
            target,
            resources.links(values) if isinstance(values, list) else None,
            info[0] if info else None,
        )
    return None


def linked(node: resources.Node) -> list[str]:
    """What a node links that may be a pooled device, and what else is there.

    Drives stand in LocalDrives or RemoteDrives up to 2.3 and in Storage from
    2.4 on; FPGAs, from 2.4, beside the CPUs in Processors
    (ComposedNode_v1.xml).
    """
    held = node.links or {}
    return node.paths(
        [
            link
            for name in (
                "LocalDrives",
                "RemoteDrives",
                "Storage",
                "Processors",
            )
            for link in resources.links(held.get(name) or [])
        ]
    )


def holds(node: resources.Node, path: str) -> bool:
    """Whether a node has the device at ``path``."""
    detach = of(node, "Detach")
    inline = detach.values if detach is not None else None
    return path in linked(node) or path in node.paths(inline)


def info(
    connector: rsd_connector.Connector, found: Exchange | None
) -> ActionInfo | None:
    """The ActionInfo of an action that has one."""
    if found is None or found.info is None:
        return None
    try:
        return ActionInfo(connector, found.info)
    except exception.HardwareNotFound:
        return None  # the node has gone, or it is not there
