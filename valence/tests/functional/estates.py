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

"""Two projects that must not know of one another, and who looks at them."""

import dataclasses
import typing
import uuid

from valence import objects
from valence.tests.fixtures import tokens
from valence.tests.functional import test_query_counts

MINE, THEIRS = "project-a", "project-b"

#: Requests that a route takes, where it takes a body; with ``{flavor}`` and
#: the like for what belongs to somebody.
BODIES: dict[tuple[str, str], typing.Any] = {
    ("PATCH", "/v1/flavors/{ident}"): [
        {"op": "add", "path": "/description", "value": "new"}
    ],
    ("PATCH", "/v1/nodes/{ident}"): [
        {"op": "add", "path": "/description", "value": "new"}
    ],
    ("PATCH", "/v1/pod_managers/{ident}"): [
        {"op": "add", "path": "/description", "value": "new"}
    ],
    ("POST", "/v1/devices/sync"): {},
    ("POST", "/v1/flavors"): {
        "name": "a-new-one",
        "properties": {"memory": {"capacity_mib": 1}},
    },
    ("POST", "/v1/nodes"): {"name": "a-new-one", "flavor_id": "{flavor}"},
    ("POST", "/v1/nodes/manage"): {
        "podm_id": "{pod_manager}",
        "node_index": "77",
    },
    ("POST", "/v1/nodes/{ident}/action"): {"Reset": {"Type": "On"}},
    ("POST", "/v1/pod_managers"): {
        "name": "a-new-one",
        "url": "http://127.0.0.1:1",
    },
    ("POST", "/v1/resource_classes"): {"name": "CUSTOM_A_NEW_ONE"},
    ("POST", "/v1/resource_providers"): {"name": "a-new-one"},
    ("PATCH", "/v1/resource_providers/{ident}"): [
        {"op": "add", "path": "/description", "value": "new"}
    ],
    ("PUT", "/v1/resource_providers/{ident}/inventories"): {
        "inventories": {},
        "resource_provider_generation": 1,
    },
    ("PUT", "/v1/resource_providers/{ident}/traits"): {
        "traits": [],
        "resource_provider_generation": 1,
    },
    ("PUT", "/v1/allocations/{ident}"): {"allocations": {}},
}

#: What stands for {ident}, by collection.
NOUNS = {
    "allocations": "node",
    "devices": "device",
    "flavors": "flavor",
    "nodes": "node",
    "operations": "operation",
    "pod_managers": "pod_manager",
    "racks": "rack",
    "resource_classes": "resource_class",
    "resource_providers": "resource_provider",
    "systems": "system",
}


@dataclasses.dataclass
class Estate:
    """The uuids of what a project has."""

    project: str
    node: str
    device: str
    flavor: str
    operation: str
    pod_manager: str
    rack: str
    system: str
    resource_class: str
    resource_provider: str
    node_name: str
    flavor_name: str

    def of(self, path: str) -> str:
        """What of it the path of a route means by {ident}."""
        collection = path.split("/")[2]
        return typing.cast(str, getattr(self, NOUNS[collection]))

    def filled(self, value: typing.Any) -> typing.Any:
        """A body with what is its own in the place of words in braces."""
        match value:
            case dict():
                return {k: self.filled(v) for k, v in value.items()}
            case list():
                return [self.filled(item) for item in value]
            case str():
                return value.format(**dataclasses.asdict(self))
        return value


class TenancyCase(test_query_counts.QueryTestCase):
    """An API that wants tokens, and rows of two projects."""

    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.useFixture(tokens.Tokens(self.conf))

    def estate(self, project: str, **fixed: str) -> Estate:
        """Give a project one of each; hardware is nobody's."""
        node, device, flavor, operation, rack, system, podm = (
            str(uuid.uuid4()) for _ in range(7)
        )
        resource_class, provider = (str(uuid.uuid4()) for _ in range(2))
        node_name = fixed.get("node_name", f"node-of-{project}")
        flavor_name = fixed.get("flavor_name", f"flavor-of-{project}-{flavor}")
        self.fill(objects.PodManager, 1, uuid=podm, status="Online")
        self.fill(
            objects.Node,
            1,
            uuid=node,
            podm_id=podm,
            name=node_name,
            project_id=project,
            provision_state="composed",
            index=node,
            flavor_id=flavor,
            assets={},
        )
        self.fill(
            objects.Device,
            1,
            uuid=device,
            podm_id=podm,
            node_uuid=node,
            state="allocated",
            type="NVMe",
            node_id=node,
        )
        self.fill(
            objects.Flavor,
            1,
            uuid=flavor,
            name=flavor_name,
            project_id=project,
        )
        self.fill(
            objects.Operation,
            1,
            uuid=operation,
            podm_id=podm,
            target_type="node",
            target_id=node,
            kind="compose",
            state="pending",
            project_id=project,
        )
        self.fill(objects.Rack, 1, uuid=rack, podm_id=podm)
        self.fill(objects.System, 1, uuid=system, node_id=node, podm_id=podm)
        self.fill(
            objects.ResourceClass,
            1,
            uuid=resource_class,
            name=f"CUSTOM_{resource_class.replace('-', '').upper()}",
        )
        self.fill(objects.ResourceProvider, 1, uuid=provider, kind="pool")
        return Estate(
            project=project,
            resource_class=resource_class,
            resource_provider=provider,
            node=node,
            device=device,
            flavor=flavor,
            operation=operation,
            pod_manager=podm,
            rack=rack,
            system=system,
            node_name=node_name,
            flavor_name=flavor_name,
        )

    def absent(self, project: str) -> Estate:
        """What a project might have and has not."""
        values = {
            field.name: str(uuid.uuid4())
            for field in dataclasses.fields(Estate)
        }
        return Estate(
            **{
                **values,
                "project": project,
                "node_name": "no-such-node",
                "flavor_name": "no-such-flavor",
            }
        )
