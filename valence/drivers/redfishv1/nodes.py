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


"""Composed nodes: their states, their tag, and what Valence makes of them."""

import contextlib
import re
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import resources

#: Before the user's words in a node's Description. Name stays the user's;
#: every release keeps both as they were given (RequestedNode, intelRSD 1.2.1
#: to 2.5), and has nothing else that is free to write before 2.5.
_TAG = "valence:"
#: Intel's pod manager stores the description in a column of this length.
_MAX_DESCRIPTION = 255

# ComposedNodeState (ComposedNode_v1.xml); 1.2.1 ends in the Powered states.
ALLOCATED = "Allocated"
FAILED = "Failed"
USABLE = frozenset({"Assembled", "PoweredOn", "PoweredOff"})
#: Where a node is once Assemble was accepted.
ASSEMBLING = frozenset({"Assembling", *USABLE})
ALLOCATED_OR_LATER = frozenset({ALLOCATED, *ASSEMBLING})


def describe(tag: str, description: str | None) -> str:
    return f"{_TAG}{tag} {description or ''}".strip()[:_MAX_DESCRIPTION]


def tag_of(node: resources.Node) -> str | None:
    found = re.match(re.escape(_TAG) + r"(\S+)", node.description or "")
    return found[1] if found else None


def absent(index: str) -> exception.HardwareNotFound:
    return exception.HardwareNotFound(noun="composed node", ident=index)


def failed(node: resources.Node, wanted: str) -> exception.BackendError:
    health = node.health_rollup or node.health or "not known"
    reason = (
        f"composed node {node.index} is {FAILED} instead of {wanted} "
        f"(health: {health})"
    )
    return exception.BackendError(
        f"The pod manager reports that {reason}.",
        http_status=200,
        reason=reason,
    )


@contextlib.contextmanager
def acted() -> typing.Iterator[None]:
    """After a change was asked for, losing touch may mean that it was done."""
    try:
        yield
    except exception.Unreachable as error:
        if error.maybe_done:
            raise
        raise exception.Unreachable(
            error.detail, maybe_done=True, **error.values
        ) from None


def to_hardware_node(node: resources.Node) -> base.HardwareNode:
    return base.HardwareNode(
        index=node.index,
        name=node.name,
        resource_uri=node.path,
        tag=tag_of(node),
        state=node.state or "Unknown",
        usable=node.state in USABLE,
        power_state=node.power_state,
        health=node.health_rollup or node.health,
        boot={
            "enabled": node.boot_enabled,
            "target": node.boot_target,
            "mode": node.boot_mode,
        },
        system_uris=node.systems,
        hardware_uuid=node.uuid,
        processors={
            "count": node.processor_count,
            "model": node.processor_model,
        },
        memory_mib=node.memory_mib,
    )


def boot_override(
    node: resources.Node, target: str, enabled: str, mode: str | None
) -> dict[str, str]:
    """What to PATCH a node's Boot with.

    :raises: HardwareNotSupported for what the node says that it cannot
    """
    wanted = {
        "BootSourceOverrideTarget": target,
        "BootSourceOverrideEnabled": enabled,
        "BootSourceOverrideMode": mode,
    }
    override = {key: word for key, word in wanted.items() if word is not None}
    for key, word in override.items():
        words = resources.allowed(node.boot or {}, key)
        if words and word not in words:
            raise exception.HardwareNotSupported(
                reason=f"{key} '{word}' of node {node.index}; it takes "
                f"{', '.join(words)}"
            )
    return override
