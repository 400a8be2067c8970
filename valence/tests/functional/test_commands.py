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

"""Every command of the client against the whole service, by ``openstack``."""

import requests

from valence.api import routes
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import commands
from valence.tests.fixtures import environment
from valence.tests.functional import deployed


class CommandCase(base.TestCase):
    specs: tuple[environment.Spec, ...] = (PodSpec(systems=2),)

    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(environment.Environment(*self.specs))
        self.served = self.useFixture(commands.Served(self.env.application))
        self.openstack = self.useFixture(commands.OpenStack(self.served.url))
        self.ok, self.json = self.openstack.ok, self.openstack.json
        self.fails = self.openstack.fails


def all_routes() -> set[tuple[str, str]]:
    """But for those that are for other programs."""
    return {
        (method, path)
        for path, methods in routes.ROUTES.items()
        for method, route in methods.items()
        if not route.text
    }


class TestEveryCommand(CommandCase):
    """A walk by way of all commands and all routes."""

    specs = (
        PodSpec(systems=3),
        PodSpec(dialect="2.5", systems=3, devices=4, fpgas=2),
    )

    def test_walk(self) -> None:
        self.versions()
        self.pod_managers()
        self.inventory()
        self.flavors()
        self.nodes()
        self.devices()
        self.providers()
        self.operations()
        self.end()
        self.assertEqual(set(commands.names()), self.openstack.commands)
        self.assertEqual(all_routes(), self.served.routes())

    def versions(self) -> None:
        (version,) = self.json("composition version list")
        self.assertEqual("v1", version["id"])
        self.assertEqual("v1", self.json("composition version show")["id"])
        document = self.ok("composition openapi show").json
        self.assertIn("/v1/nodes", document["paths"])

    def pod_managers(self) -> None:
        for number, pod in enumerate(self.env.pods):
            made = self.json(
                f"pod manager create pod-{number} --url {pod.url} "
                "--username admin --password admin --location r1 --wait"
            )
            self.assertEqual("Online", made["status"])
            self.assertEqual("r1", made["location"])
            secret = made["authentication"][0]["auth_items"]["password"]
            self.assertEqual("***", secret)
        shown = self.json("pod manager list --sort name:desc")
        self.assertEqual(["pod-1", "pod-0"], [one["name"] for one in shown])
        changed = self.json(
            "pod manager set pod-1 --description Second --maintenance"
        )
        self.assertEqual("Second", changed["description"])
        (found,) = self.json("pod manager list --maintenance true --long")
        self.assertEqual(changed["url"], found["url"])
        changed = self.json(
            "pod manager set pod-1 --no-maintenance "
            "--authentication-type session --wait"
        )
        self.assertEqual("session", changed["authentication"][0]["type"])
        self.assertEqual("Online", changed["status"])
        changed = self.json("pod manager unset pod-1 --description")
        self.assertIsNone(changed["description"])
        self.assertFalse(changed["maintenance"])
        self.ok("pod manager sync pod-0 pod-1 --wait")
        usage = self.json("pod manager show pod-1 --fields usage")["usage"]
        self.assertEqual(6, usage["devices"]["total"])

    def inventory(self) -> None:
        systems = self.json("composition system list --pod-manager pod-0")
        self.assertEqual(3, len(systems))
        shown = self.json(f"composition system show {systems[0]['uuid']}")
        self.assertEqual(systems[0]["name"], shown["name"])
        (rack,) = self.json("composition rack list --pod-manager pod-1")
        shown = self.json(f"composition rack show {rack['uuid']}")
        self.assertEqual(3, len(shown["systems"]))
        found = self.json(f"composition system list --rack {rack['uuid']}")
        self.assertEqual(3, len(found))
        self.assertEqual(
            set(), {s["uuid"] for s in found} & {s["uuid"] for s in systems}
        )

    def flavors(self) -> None:
        made = self.json(
            "composition flavor create small --memory 4096 --cores 4 "
            "--description Small --resource-class gold "
            "--node-trait CUSTOM_A --node-trait CUSTOM_B"
        )
        self.assertEqual("gold", made["resource_class"])
        self.assertEqual(["CUSTOM_A", "CUSTOM_B"], made["traits"])
        self.assertEqual(
            {
                "memory": {"capacity_mib": 4096},
                "processor": {"total_cores": 4},
            },
            made["properties"],
        )
        changed = self.json(
            "composition flavor set small --memory-type DDR4 --memory 8192 "
            "--device FPGA --device type=NVMe,count=2 --same-pool"
        )
        self.assertEqual(
            {
                "memory": {"capacity_mib": 8192, "type": "DDR4"},
                "processor": {"total_cores": 4},
                "pci_device": {
                    "devices": [
                        {"type": "FPGA"},
                        {"type": "NVMe", "count": 2},
                    ]
                },
                "placement": {"same_pool": True},
            },
            changed["properties"],
        )
        changed = self.json(
            "composition flavor unset small --description "
            "--resource-class --node-traits "
            "--property memory.type --property pci_device "
            "--property placement"
        )
        for field in ("description", "resource_class"):
            self.assertIsNone(changed[field])
        self.assertEqual([], changed["traits"])
        self.assertEqual(
            {
                "memory": {"capacity_mib": 8192},
                "processor": {"total_cores": 4},
            },
            changed["properties"],
        )
        (found,) = self.json("composition flavor list --name small")
        self.assertEqual(
            self.json("composition flavor show small")["uuid"], found["uuid"]
        )

    def nodes(self) -> None:
        plan = self.json("composed node create --flavor small --dry-run")
        self.assertIn(plan["pod_manager"], ("pod-0", "pod-1"))
        made = self.json(
            "composed node create web-1 --flavor small --pod-manager pod-1 "
            "--description Web --wait"
        )
        self.assertEqual("composed", made["provision_state"])
        changed = self.json("composed node set web-1 --description Other")
        self.assertEqual("Other", changed["description"])
        changed = self.json("composed node unset web-1 --description")
        self.assertIsNone(changed["description"])
        self.switch()
        (found,) = self.json("composed node list --pod-manager pod-1 --long")
        self.assertEqual("web-1", found["name"])
        kinds = {
            a["kind"] for a in self.json("composed node asset list web-1")
        }
        self.assertIn("processors", kinds)
        (drive, *_) = self.json("composed node storage list web-1")
        self.assertIn(drive["kind"], ("local_drives", "storage"))
        self.adopt()
        # There is none here; test_commands_ironic has one.
        said = self.fails("composed node register web-1 --wait")
        self.assertIn("[ironic]", said)
        said = self.fails("composed node unregister web-1 --wait")
        self.assertIn("is 'composed'; unenroll needs it to be", said)

    def switch(self) -> None:
        def now() -> tuple[object, ...]:
            shown = self.json("composed node show web-1")
            boot = shown["boot"]
            return shown["power_state"], boot["target"], boot["enabled"]

        self.ok("composed node boot device set web-1 pxe --wait")
        self.assertEqual(("Off", "Pxe", "Once"), now())
        self.ok("composed node boot device set web-1 Hdd --persistent --wait")
        self.assertEqual(("Off", "Hdd", "Continuous"), now())
        self.ok("composed node boot device unset web-1 --wait")
        self.assertEqual("Disabled", now()[-1])
        self.ok("composed node power on web-1 --wait")
        self.assertEqual("On", now()[0])
        self.ok("composed node reboot web-1 --wait")
        self.assertEqual("On", now()[0])
        # Which these pods do not know: it is what they answer.
        said = self.fails("composed node inject nmi web-1 --wait")
        self.assertIn("reset 'Nmi' of node", said)
        self.ok("composed node power off web-1 --wait --soft")
        self.assertEqual("Off", now()[0])

    def adopt(self) -> None:
        """A node that was composed by others."""
        pod = self.env.pods[0]
        requests.post(
            f"{pod.url}/redfish/v1/Nodes/Actions/Allocate",
            json={"Name": "found"},
            auth=("admin", "admin"),
            timeout=60,
        ).raise_for_status()
        (node,) = pod.nodes
        pod.change("nodes", node.id, {"state": "Assembled"})
        self.ok("pod manager sync pod-0 --wait")
        odd = self.json("pod manager audit pod-0")
        self.assertEqual([node.id], [one["ident"] for one in odd])
        made = self.json(
            f"composed node manage pod-0 {node.id} --name found --wait"
        )
        self.assertFalse(made["composed"])

    def devices(self) -> None:
        free = self.json("pooled device list --type SSD --state free")
        ssd = free[0]["uuid"]
        self.ok(f"pooled device attach web-1 {ssd} --wait")
        shown = self.json(f"pooled device show {ssd}")
        self.assertEqual("allocated", shown["state"])
        (held,) = self.json("pooled device list --node web-1")
        self.assertEqual(ssd, held["uuid"])
        stats = self.json("pooled device stats list --pod-manager pod-1")
        self.assertEqual(6, sum(one["total"] for one in stats))
        self.assertEqual(1, sum(one["allocated"] for one in stats))
        self.ok(f"pooled device detach web-1 {ssd} --wait")
        self.assertEqual([], self.json("pooled device list --node web-1"))
        outcomes = self.json("pooled device refresh --wait")
        self.assertEqual(
            {"pod-0": "SUCCESS", "pod-1": "SUCCESS"},
            {one["name"]: one["status"] for one in outcomes},
        )

    def providers(self) -> None:
        rc, rp = "composition resource class", "composition resource provider"
        self.ok(f"{rc} create CUSTOM_LICENSE")
        (found,) = self.json(f"{rc} list --name CUSTOM_LICENSE")
        shown = self.json(f"{rc} show CUSTOM_LICENSE")
        self.assertEqual(shown["uuid"], found["uuid"])
        pool = self.json(f"{rp} create licenses --description All")
        changed = self.json(f"{rp} set licenses --name keys")
        self.assertEqual("keys", changed["name"])
        self.assertIsNone(
            self.json(f"{rp} unset keys --description")["description"]
        )
        (have,) = self.json(
            f"{rp} inventory set keys --resource CUSTOM_LICENSE=10 "
            "--resource CUSTOM_LICENSE:max_unit=4"
        )
        self.assertEqual((10, 4), (have["total"], have["max_unit"]))
        (have,) = self.json(
            f"{rp} inventory set keys --amend "
            "--resource CUSTOM_LICENSE:reserved=1"
        )
        self.assertEqual((10, 1), (have["total"], have["reserved"]))
        self.assertEqual([have], self.json(f"{rp} inventory list keys"))
        self.json(f"{rp} trait set keys CUSTOM_RED CUSTOM_BLUE")
        self.assertEqual(
            ["CUSTOM_BLUE", "CUSTOM_RED"],
            [one["trait"] for one in self.json(f"{rp} trait list keys")],
        )
        (found,) = self.json(
            f"{rp} list --kind pool --resource CUSTOM_LICENSE=4 "
            "--required CUSTOM_RED --required !CUSTOM_GREEN"
        )
        self.assertEqual(pool["uuid"], found["uuid"])
        self.assertEqual("pool", self.json(f"{rp} show keys")["kind"])
        self.ok(
            "composition allocation set web-1 "
            "--allocation keys:CUSTOM_LICENSE=3"
        )
        held = self.json("composition allocation show web-1")
        self.assertIn(
            {"CUSTOM_LICENSE": 3}, [one["resources"] for one in held]
        )
        self.assertEqual(
            {"CUSTOM_LICENSE": 3}, self.json(f"{rp} usage show keys")
        )
        self.ok("composition allocation delete web-1")
        self.assertEqual(
            {"CUSTOM_LICENSE": 0}, self.json(f"{rp} usage show keys")
        )
        self.ok(f"{rp} delete keys")
        self.ok(f"{rc} delete CUSTOM_LICENSE")

    def operations(self) -> None:
        gate = deployed.Gate(self.env.pods[1], "POST", "Assemble$")
        self.ok("composed node create web-2 --pod-manager pod-1")
        ident = self.json("composed node show web-2")["operation_id"]
        self.assertEqual(
            "web-2",
            self.json(f"composition operation show {ident}")["target_name"],
        )
        self.ok(f"composition operation cancel {ident}")
        gate.open()
        said = self.fails(f"composition operation wait {ident}")
        self.assertIn("The operation was cancelled.", said)
        (found,) = self.json("composition operation list --state cancelled")
        self.assertEqual(ident, found["uuid"])
        (found,) = self.json(
            "composition operation stats list --kind compose --state cancelled"
        )
        self.assertEqual(1, found["count"])
        self.assertGreater(found["mean"], 0)
        self.assertGreaterEqual(found["p99"], found["mean"])

    def end(self) -> None:
        self.ok("composed node delete web-1 web-2 found --wait")
        self.assertEqual([], self.json("composed node list"))
        self.ok("composition flavor delete small")
        self.ok("pod manager delete pod-0 pod-1")
        self.assertEqual([], self.json("pod manager list"))
