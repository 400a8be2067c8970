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
"""What the tests with Ironic have in common."""

import pathlib
import typing
import uuid

import fixtures
from keystoneauth1 import loading
from oslo_config import cfg
from oslo_config import fixture as config_fixture
import sqlalchemy as sa
import testtools

from valence.tests import base  # isort: skip - chooses the threads
from valence import objects
from valence.conf import ironic as conf
from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.simulator import EemSpec
from valence.simulator import Pod
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import services
from valence.tests.fixtures.openstack import Ironic
from valence.tests.fixtures.processes import Options
from valence.tests.fixtures.processes import merged
from valence.tests.fixtures.processes import poll
from valence.tests.fixtures.processes import written
from valence.tests.fixtures.proxy import Proxy
from valence.tests.functional import deployed

CONF = cfg.CONF

#: What makes Ironic quick, and what is wrong with it show soon.
QUICK: dict[str, typing.Any] = {
    "poll_interval": 0.1,
    "settle_time": 0.3,
    "state_timeout": 60.0,
    "timeout": 60,
    "connect_retries": 2,
    "connect_retry_delay": 0.1,
    "status_code_retries": 2,
    "status_code_retry_delay": 0.1,
    "follow_interval": 0,
}
OF_IRONIC: Options = {
    # Otherwise it takes a minute to find out that there is no BMC.
    "redfish": {"connection_attempts": 1, "connection_retry_interval": 1},
}
#: Without it Ironic takes another that wants files which are not there.
INTERFACES = {"boot": "redfish-virtual-media"}


def _ironic(
    owner: fixtures.Fixture, options: Options | None = None, busy: bool = False
) -> Ironic:
    """One that is to be set up; its database, if any, is the owner's."""
    options = merged(OF_IRONIC, options or {})
    if not busy:
        return Ironic(options=options)
    database = owner.useFixture(services.Database("postgresql"))
    return Ironic(options=options, database_url=database.url)


class Bench(environment.Environment):
    """Valence, simulated hardware, and a real Ironic behind a proxy.

    :param options: of Ironic
    :param busy: much goes on in Ironic at once
    :param settings: of Valence's group [ironic]
    """

    def __init__(
        self,
        *pods: environment.Spec,
        options: typing.Any = None,
        busy: bool = False,
        **settings: typing.Any,
    ) -> None:
        super().__init__(*pods)
        self._options = options
        self._busy = busy
        self._settings = settings

    def _setUp(self) -> None:
        self.ironic = self.useFixture(_ironic(self, self._options, self._busy))
        self.proxy = self.useFixture(Proxy(self.ironic.url))
        self.conf = self.useFixture(environment.Configuration())
        self.conf.set(
            "ironic",
            auth_type="none",
            endpoint_override=self.proxy.url,
            **{**QUICK, **self._settings},
        )
        if self._busy:
            # What is held until all are asked for is no fault.
            self.conf.set("pod_manager", timeout=60)
        super()._setUp()
        for number, pod in enumerate(self.pods):
            is_eem = isinstance(pod.spec, EemSpec)
            self.register(number, driver="expether" if is_eem else "redfishv1")

    # -- what there is -------------------------------------------------------

    def in_ironic(self, node_id: str) -> dict[str, typing.Any]:
        """A node as Ironic shows it."""
        return typing.cast(
            dict[str, typing.Any],
            self.ironic.request("GET", f"/v1/nodes/{node_id}"),
        )

    def node_ids(self) -> list[str]:
        """Those of all nodes that Ironic has."""
        found = self.ironic.request("GET", "/v1/nodes")["nodes"]
        return sorted(node["uuid"] for node in found)

    def ports(self, node_id: str | None = None) -> list[str]:
        """MAC addresses of ports in Ironic."""
        query = f"?node={node_id}" if node_id else ""
        found = self.ironic.request("GET", f"/v1/ports{query}")["ports"]
        return sorted(port["address"] for port in found)

    def snapshot(self) -> dict[str, typing.Any]:
        """All that an operation which failed has to leave as it was."""
        return {
            "nodes in ironic": self.node_ids(),
            "ports in ironic": self.ports(),
            "nodes of the pods": [
                sorted(node.id for node in getattr(pod, "nodes", []))
                for pod in self.pods
            ],
            "free systems": [
                len(pod.free_systems())
                for pod in self.pods
                if hasattr(pod, "free_systems")
            ],
            "free devices": [
                sorted(device.id for device in pod.free_devices())
                for pod in self.pods
                if hasattr(pod, "free_devices")
            ],
            "devices": sorted(
                (device.uuid, device.state, device.node_uuid)
                for device in objects.Device.find(self.context)
            ),
            "systems": sorted(
                (system.index, system.state, system.node_id)
                for system in objects.System.find(self.context)
            ),
        }


class IronicCase(base.SharedTestCase):
    """Tests on one bench; each leaves it as it found it."""

    env: typing.ClassVar[Bench]  # type: ignore[misc]
    busy: typing.ClassVar[bool] = False
    specs: typing.ClassVar[tuple[environment.Spec, ...]] = (
        PodSpec(dialect="2.5", systems=4, devices=3),
        EemSpec(servers=2),
    )
    options: typing.ClassVar[typing.Any] = None
    settings: typing.ClassVar[dict[str, typing.Any]] = {}

    @classmethod
    def make_environment(cls) -> Bench:
        return Bench(
            *cls.specs, options=cls.options, busy=cls.busy, **cls.settings
        )

    def setUp(self) -> None:
        super().setUp()
        self.api = self.env.api
        self.ironic = self.env.ironic
        self.proxy = self.env.proxy
        self.addCleanup(self._clean)
        self.seen_before = len(self.proxy.exchanges)
        self.before = self.env.snapshot()

    def _clean(self) -> None:
        """Leave nothing to the next test, whatever became of this one."""
        self.proxy.heal()
        self.proxy.settle()
        for pod in self.env.pods:
            pod.faults.clear()
        poll(self._empty_ironic, "Ironic is empty")
        for node in objects.Node.find(self.env.context):
            path = f"/v1/nodes/{node.uuid}"
            if node.managed_by != "valence":
                self.api.post(f"{path}/unregister", {"force": True}, wait=60)
            self.api.delete(path, wait=60)

    def _empty_ironic(self) -> bool:
        """Whether it is; what it is at work on goes when it has done that."""
        for node_id in self.env.node_ids():
            self.ironic.send("PUT", f"/v1/nodes/{node_id}/maintenance", {})
            self.ironic.send("DELETE", f"/v1/nodes/{node_id}")
        return not self.env.node_ids()

    # -- what is asked for ---------------------------------------------------

    def composed(self, **fields: typing.Any) -> dict[str, typing.Any]:
        """Compose a node on the pod, and wait for it."""
        fields = {"name": "web-1", "podm_id": "pod-0", **fields}
        answer = self.api.post("/v1/nodes", fields, wait=60)
        self.assertEqual(200, answer.status, answer)
        return typing.cast(dict[str, typing.Any], answer.json)

    def enrolled(self, target: str = "enroll") -> dict[str, typing.Any]:
        """Compose a node and enroll it."""
        enroll = {"target": target, "interfaces": INTERFACES}
        return self.composed(enroll=enroll)

    def register(
        self, name: str = "web-1", status: int = 200, **body: typing.Any
    ) -> environment.Answer:
        body.setdefault("interfaces", INTERFACES)
        answer = self.api.post(f"/v1/nodes/{name}/register", body, wait=60)
        self.assertEqual(status, answer.status, answer)
        return answer

    # -- what came of it -----------------------------------------------------

    def row(self, name: str = "web-1") -> objects.Node:
        return objects.Node.get(self.env.context, name)

    def last(self, kind: str) -> dict[str, typing.Any]:
        """The operation of a kind that was asked for last."""
        path = f"/v1/operations?kind={kind}&sort_dir=desc&limit=1"
        (operation,) = self.api.get(path).json
        return typing.cast(dict[str, typing.Any], operation)

    def assert_as_before(self) -> None:
        self.assertEqual(self.before, self.env.snapshot())

    def asked(self, method: str = "*", path: str = "") -> list[str]:
        """What Ironic was asked in this test."""
        return [
            f"{exchange.method} {exchange.path}"
            for exchange in self.proxy.exchanges[self.seen_before :]
            if exchange.matches(method, path)
        ]


class DeployedCase(deployed.CrashCase):
    """A test beside processes of Valence, and an Ironic behind a proxy.

    :cvar settings: of Valence's group [ironic]
    """

    settings: typing.ClassVar[dict[str, typing.Any]] = {}
    ironic: typing.ClassVar[Ironic]
    proxy: typing.ClassVar[Proxy]

    @classmethod
    def setUpClass(cls) -> None:
        beside = fixtures.Fixture()
        beside.setUp()
        cls.addClassCleanup(beside.cleanUp)
        cls.ironic = beside.useFixture(_ironic(beside, busy=True))
        cls.proxy = beside.useFixture(Proxy(cls.ironic.url))
        group = {
            "auth_type": "none",
            "endpoint_override": cls.proxy.url,
            **QUICK,
            **cls.settings,
        }
        cls.options = merged(
            # What is held until all are asked for is no fault.
            {"pod_manager": {"timeout": 60}},
            cls.options,
            {"ironic": group},
        )
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self._clean)

    def _clean(self) -> None:
        self.proxy.heal()
        self.proxy.settle()
        for node_id in self.in_ironic():
            self.ironic.send("DELETE", f"/v1/nodes/{node_id}")

    def in_ironic(self, kind: str = "nodes") -> list[str]:
        found = self.ironic.request("GET", f"/v1/{kind}")[kind]
        return sorted(one["uuid"] for one in found)

    def assert_nothing_left(self, pod: Pod, podm_id: str) -> None:
        self.assertEqual([], self.in_ironic())
        self.assertEqual([], self.in_ironic("ports"))
        self.assertEqual([], pod.nodes)
        self.assertEqual(len(pod.devices), len(pod.free_devices()))
        self.assert_agreement(pod, podm_id)


def forget(node: objects.Node) -> None:
    """Lose the row of a node, as if another Valence had composed it."""
    with engine.writing() as connection:
        accounts.give(connection, node.uuid)
    node.destroy()


def multiply(node: objects.Node) -> None:
    """Keep another row like that of a node, of no hardware."""
    values = {name: getattr(node, name) for name in node.fields}
    values |= {
        "uuid": str(uuid.uuid4()),
        "name": "double",
        "index": None,
        "systems": [],
    }
    with engine.writing() as connection:
        connection.execute(sa.insert(models.NODES), [values])


def configure(test: testtools.TestCase, **options: object) -> None:
    """Have [ironic] read from a file, with what belongs to its auth_type."""
    # keystoneauth would leave them to the next test, which has no file.
    test.useFixture(config_fixture.Config(CONF)).register_opts(
        loading.get_auth_plugin_conf_options(options["auth_type"]),
        group=conf.GROUP,
    )
    file = pathlib.Path(test.useFixture(fixtures.TempDir()).path, "valence")
    file.write_text(written({conf.GROUP: QUICK | options}))
    CONF(["--config-file", str(file)], project="valence")
