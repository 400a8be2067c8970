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

"""What tests of the mirror into Placement share."""

import contextlib
import time
import typing
import uuid

from keystoneauth1 import loading
import requests

from valence.tests import base  # isort: skip - chooses the threads
from valence import exception
from valence import objects
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures.openstack import Placement
from valence.tests.fixtures.processes import poll
from valence.tests.fixtures.proxy import Proxy

MARK = "CUSTOM_VALENCE_MANAGED"
NOBODY = "00000000-0000-0000-0000-000000000000"
TOLD = (
    "total",
    "reserved",
    "min_unit",
    "max_unit",
    "step_size",
    "allocation_ratio",
)
#: A pod in which nodes can be composed and devices attached.
POD: dict[str, typing.Any] = {"systems": 6, "devices": 6}

State = dict[str, typing.Any]


def told(
    total: int, reserved: int = 0, **others: typing.Any
) -> dict[str, typing.Any]:
    """An inventory as an owner writes it."""
    return {
        "total": total,
        "reserved": reserved,
        "min_unit": 1,
        "max_unit": max(total, 1),
        "step_size": 1,
        "allocation_ratio": 1.0,
        **others,
    }


def use(conf: environment.Configuration, url: str, **more: object) -> None:
    """Have Valence know a Placement without keystone."""
    plugin = loading.get_auth_plugin_conf_options("admin_token")
    conf.register("placement", plugin)
    options = {
        "enabled": True,
        "interval": 0.5,
        "auth_type": "admin_token",
        "endpoint": url,
        "token": "admin",
        "timeout": 30,
    }
    conf.set("placement", **{**options, **more})


def new_pool(
    context: typing.Any,
    name: str,
    podm_id: str | None = None,
    **inventories: typing.Any,
) -> objects.ResourceProvider:
    """An operator's pool; inventories by resource class."""
    pool = objects.ResourceProvider(
        context,
        uuid=str(uuid.uuid4()),
        name=name,
        kind="pool",
        podm_id=podm_id,
        generation=0,
    )
    pool.create()
    set_pool(pool, **inventories)
    return pool


def set_pool(
    pool: objects.ResourceProvider, **inventories: typing.Any
) -> None:
    for name in inventories:
        with contextlib.suppress(exception.Duplicate):
            objects.ResourceClass(
                pool._context, uuid=str(uuid.uuid4()), name=name
            ).create()
    pool.write_inventories(inventories, pool.generation)
    pool.generation += 1


def in_placement(placement: Placement, mark: str = MARK) -> State:
    """All that bears our mark in Placement, and who holds something of it."""
    providers, consumers = {}, set()
    placement.request("PUT", f"/traits/{mark}")
    path = f"/resource_providers?required={mark}"
    for one in placement.request("GET", path)["resource_providers"]:
        path = f"/resource_providers/{one['uuid']}"
        traits = placement.request("GET", f"{path}/traits")["traits"]
        found = placement.request("GET", f"{path}/inventories")
        held = placement.request("GET", f"{path}/allocations")
        consumers |= held["allocations"].keys()
        providers[one["uuid"]] = {
            "name": one["name"],
            "root": one["root_provider_uuid"],
            "traits": sorted(traits),
            "inventories": found["inventories"],
        }
    claims = {}
    for consumer in consumers:
        found = placement.request("GET", f"/allocations/{consumer}")
        if not found["allocations"]:
            continue  # gone meanwhile
        claims[consumer] = {
            "type": found["consumer_type"],
            "project": found["project_id"],
            "user": found["user_id"],
            "holds": {
                provider: one["resources"]
                for provider, one in found["allocations"].items()
            },
        }
    return {"providers": providers, "consumers": claims}


def in_rows(context: typing.Any, mark: str = MARK) -> State:
    """The same, as our objects have it."""
    nodes = {node.uuid: node for node in objects.Node.find(context)}
    providers, consumers = {}, {}
    for one in objects.ResourceProvider.find(context):
        if one.kind == "node" and nodes[one.uuid].managed_by != "valence":
            continue
        providers[one.uuid] = {
            "name": f"{one.name} ({one.uuid})",
            "root": one.uuid,
            "traits": sorted(
                {*one.read_traits(), mark, "COMPUTE_STATUS_DISABLED"}
            ),
            "inventories": {
                name: {key: inventory[key] for key in TOLD}
                for name, inventory in one.read_inventories().items()
                if inventory["total"]
            },
        }
    for one in objects.Allocation.find(context):
        node = nodes[one.consumer_id]
        claim = consumers.setdefault(
            one.consumer_id,
            {
                "type": "VALENCE_NODE",
                "project": node.project_id or NOBODY,
                "user": node.user_id or NOBODY,
                "holds": {},
            },
        )
        claim["holds"].setdefault(one.provider_id, {})[one.resource_class] = (
            one.used
        )
    return {"providers": providers, "consumers": consumers}


class Mirrored:
    """Says what Placement and the rows do not agree about."""

    placement: Placement
    context: typing.Any

    def assert_mirrored(self, seconds: float = environment.PATIENCE) -> State:
        """Placement says what the rows say, within some seconds."""
        until = time.monotonic() + seconds
        while True:
            try:
                there = in_placement(self.placement)
                here = in_rows(self.context)
            except (KeyError, requests.HTTPError):
                there, here = {"changed": "meanwhile"}, {}
            if there == here:
                return here
            if time.monotonic() > until:
                self.assertEqual(here, there)
            time.sleep(0.1)

    def assert_usages(self, podm_id: str, **used: int) -> None:
        path = f"/resource_providers/{podm_id}/usages"
        found = self.placement.request("GET", path)["usages"]
        self.assertEqual(used, {name: n for name, n in found.items() if n})


class MirrorCase(Mirrored, base.TestCase):
    """An environment whose conductor mirrors into a real Placement.

    The tests of a class share it: what one has left, the next one's
    conductor cleans away, for it is none of its rows.
    """

    pods: tuple[environment.Spec, ...] = (PodSpec(**POD),)
    interval = 0.5
    conductor = True
    shared: typing.ClassVar[Placement]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.shared = Placement()
        cls.shared.setUp()
        cls.addClassCleanup(cls.shared.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.placement = self.shared
        self.proxy = self.useFixture(Proxy(self.placement.url))
        use(self.conf, self.proxy.url, interval=self.interval)
        self.env = self.useFixture(
            environment.Environment(*self.pods, conductor=self.conductor)
        )
        self.context = self.env.context
        self.api = self.env.api

    def pool(
        self, name: str, podm_id: str | None = None, **inventories: typing.Any
    ) -> objects.ResourceProvider:
        return new_pool(self.context, name, podm_id, **inventories)

    def wait_for(self, uuids: set[str], mark: str = MARK) -> None:
        """Wait until these providers, and no others, bear our mark."""

        def look() -> bool:
            try:
                found = in_placement(self.placement, mark)
                return set(found["providers"]) == uuids
            except requests.HTTPError:
                return False  # it changed meanwhile

        poll(look, f"{uuids} are mirrored")
