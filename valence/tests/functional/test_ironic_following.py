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
"""Valence and Ironic keep in step while a node is enrolled."""

from valence.tests.functional import with_ironic  # isort: skip
import typing
import uuid

from valence import objects
from valence.conductor import following
from valence.simulator import PodSpec
from valence.tests.fixtures.processes import poll

LISTS = r"/v1/nodes/?\?"
AVAILABLE = {
    "driver": "fake-hardware",
    "interfaces": {},
    "target": "available",
}


class FollowingCase(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.5", systems=4, devices=3),)
    settings = {"follow_interval": 1}
    options = {"deploy": {"configdrive_use_object_store": True}}

    def deploy(self, node_id: str, fails: bool) -> None:
        """Have Ironic deploy to a node."""
        path = f"/v1/nodes/{node_id}"
        instance = {"op": "add", "path": "/instance_uuid"}
        self.ironic.request(
            "PATCH", path, [{**instance, "value": str(uuid.uuid4())}]
        )
        asked: dict[str, typing.Any] = {"target": "active"}
        if fails:
            # It is to be kept in an object store, and there is none.
            asked["configdrive"] = "H4sICAAA"
        self.ironic.request("PUT", f"{path}/states/provision", asked)
        self.wait_for(node_id, "deploy failed" if fails else "active")

    def wait_for(self, node_id: str, state: str) -> None:
        poll(
            lambda: self.env.in_ironic(node_id)["provision_state"] == state,
            f"Ironic says {state}",
        )

    def looks(self) -> list[str]:
        """The lists that Ironic was asked for."""
        return self.asked("GET", LISTS)

    def wait_for_look(self) -> None:
        """Until one that begins now has come to its end."""
        seen = len(self.looks())
        poll(lambda: len(self.looks()) > seen + 1, "a look at Ironic")


class TestFollowing(FollowingCase):
    def test_deleted_there(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        self.ironic.request("DELETE", f"/v1/nodes/{node['uuid']}")
        poll(lambda: self.row().managed_by == "valence", "it is noticed")
        row = self.row()
        self.assertEqual("composed", row.provision_state)
        self.assertIsNone(row.provisioner_state)
        self.assertIn("Ironic does not have the node", row.last_error)
        # It can be worked with, and nobody else's work is undone.
        reset = {"Reset": {"Type": "On"}}
        answer = self.api.post("/v1/nodes/web-1/action", reset, wait=60)
        self.assertEqual(204, answer.status, answer)
        self.api.delete("/v1/nodes/web-1", wait=60)
        self.assert_as_before()

    def test_its_state_there_is_shown(self) -> None:
        node = self.composed(enroll={**AVAILABLE, "target": "enroll"})
        for verb, state in (
            ("manage", "manageable"),
            ("provide", "available"),
            ("active", "active"),
        ):
            self.ironic.request(
                "PUT",
                f"/v1/nodes/{node['uuid']}/states/provision",
                {"target": verb},
            )
            poll(
                lambda state=state: self.row().provisioner_state == state,
                state,
            )
        self.assertEqual("enrolled", self.row().provision_state)
        # What stands as it stood is not written.
        revision = self.row().revision
        self.wait_for_look()
        self.assertEqual(revision, self.row().revision)

    def test_one_request_for_all_of_them(self) -> None:
        for name in ("a", "b", "c"):
            self.composed(name=name, enroll=AVAILABLE)
        poll(lambda: self.looks(), "a look")
        self.wait_for_look()
        seen = len(self.asked())
        self.wait_for_look()
        self.assertEqual(
            set(self.looks()), set(self.asked()[seen:]), "nothing but lists"
        )

    def test_nothing_is_asked_where_nothing_is_enrolled(self) -> None:
        self.composed()
        operation = self.api.post("/v1/nodes", {"name": "web-2"})
        self.api.ended(operation)
        self.assertEqual([], self.asked())

    def test_a_deployment_that_failed_is_left_alone(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        self.deploy(node["uuid"], fails=True)
        poll(
            lambda: self.row().provisioner_state == "deploy failed",
            "it is noticed",
        )
        self.wait_for_look()
        self.assertEqual("enrolled", self.row().provision_state)
        answer = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(409, answer.status, answer)
        self.assertIn("deploy failed", answer.error["detail"])
        self.assertEqual(1, len(self.env.pods[0].nodes))

    def test_ironic_is_away(self) -> None:
        self.composed(enroll=AVAILABLE)
        before = self.row()
        away = self.proxy.on("GET", LISTS, times=3).cut()
        for _ in range(3):
            away.wait()
        self.wait_for_look()
        self.assertEqual(before.revision, self.row().revision)

    def test_what_is_at_work_is_left_alone(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        held = self.proxy.on("DELETE", "/v1/nodes/").hang(after=True)
        answer = self.api.post("/v1/nodes/web-1/unregister")
        held.wait()
        # Gone there, and still in the hands of the operation here.
        self.assertEqual([], self.env.node_ids())
        other = self.composed(name="web-2", enroll=AVAILABLE)
        self.wait_for_look()
        self.assertEqual("unenrolling", self.row().provision_state)
        held.release()
        self.assertEqual("succeeded", self.api.ended(answer)["state"])
        self.assertEqual("composed", self.row().provision_state)
        self.assertIsNone(self.row().last_error)
        self.assertEqual([other["uuid"]], self.env.node_ids())
        self.assertNotEqual(other["uuid"], node["uuid"])


class TestReleaseOnFailure(FollowingCase):
    settings = {"follow_interval": 1, "release_on_deploy_failure": True}

    def test_it_leaves_and_its_hardware_goes_back(self) -> None:
        node = self.composed(
            properties={"pci_device": {"type": ["SSD"]}}, enroll=AVAILABLE
        )
        self.deploy(node["uuid"], fails=True)
        poll(
            lambda: self.api.get("/v1/nodes/web-1").status == 404,
            "it is released",
        )
        self.assert_as_before()
        release = self.last("release")
        self.assertEqual("succeeded", release["state"])
        names = [step["name"] for step in release["steps"]]
        self.assertEqual("tear down in ironic", names[1])
        # Torn down as Ironic wants it, and under maintenance.
        self.assertEqual(
            ["PUT", "PUT", "DELETE", "DELETE"],
            [a.split()[0] for a in self.asked() if not a.startswith("GET")][
                -4:
            ],
        )

    def test_not_where_it_was_deployed_to_meanwhile(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        node_id = node["uuid"]
        held = self.proxy.on("PUT", "/maintenance$").hang()
        self.deploy(node_id, fails=True)
        held.wait()
        # Somebody tries again, and this time it works.
        self.ironic.request(
            "PUT",
            f"/v1/nodes/{node_id}/states/provision",
            {"target": "active"},
        )
        self.wait_for(node_id, "active")
        held.release()
        poll(lambda: self.last("release")["ended_at"], "it ends")
        operation = self.last("release")
        self.assertEqual("failed", operation["state"])
        self.assertIn("the node is active", operation["last_error"])
        shown = self.env.in_ironic(node_id)
        self.assertEqual("active", shown["provision_state"])
        self.assertFalse(shown["maintenance"])
        self.assertEqual(1, len(self.env.pods[0].nodes))
        self.assertEqual("enrolled", self.row().provision_state)

    def test_tried_again_in_a_while(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        self.proxy.on("PUT", "/maintenance$").answer(400)
        self.deploy(node["uuid"], fails=True)
        poll(
            lambda: self.env.node("web-1").last_error is not None,
            "the first try fails",
        )
        self.assertEqual(1, len(self.env.pods[0].nodes))
        poll(
            lambda: self.api.get("/v1/nodes/web-1").status == 404,
            "the second one does not",
        )
        self.assert_as_before()
        releases = self.api.get("/v1/operations?kind=release").json
        tries = [o for o in releases if o["target_id"] == node["uuid"]]
        self.assertEqual(2, len(tries))


class TestDevices(FollowingCase):
    def device(self, kind: str = "SSD") -> dict[str, typing.Any]:
        (found,) = self.api.get(f"/v1/devices?type={kind}").json
        return typing.cast(dict[str, typing.Any], found)

    def move(self, verb: str, kind: str = "SSD") -> dict[str, typing.Any]:
        """Attach a device, or detach it; returns the operation."""
        answer = self.api.post(
            "/v1/nodes/web-1/action",
            {verb: {"device_id": self.device(kind)["uuid"]}},
            wait=60,
        )
        self.assertEqual(204, answer.status, answer)
        return self.last(verb)

    def told(self) -> tuple[set[str], typing.Any, typing.Any]:
        """Traits, largest drive and capabilities, as Ironic has them."""
        shown = self.env.in_ironic(self.row().uuid)
        properties = shown["properties"]
        return (
            set(shown["traits"]),
            properties.get("local_gb"),
            properties.get("capabilities"),
        )

    def test_attach_and_detach(self) -> None:
        self.composed(enroll={**AVAILABLE, "traits": ["CUSTOM_MINE"]})
        before = self.told()
        self.assertEqual({"CUSTOM_MINE"}, before[0])
        self.assertEqual([], self.move("attach")["warnings"])
        self.assertEqual(
            (
                {"CUSTOM_MINE", "CUSTOM_SSD"},
                400,
                "boot_mode:uefi,ssd_devices:1",
            ),
            self.told(),
        )
        self.move("detach")
        self.assertEqual(before, self.told())

    def test_a_node_with_devices_from_the_start(self) -> None:
        self.composed(
            properties={"pci_device": {"type": ["SSD"]}}, enroll=AVAILABLE
        )
        self.assertIn("CUSTOM_SSD", self.told()[0])
        self.api.delete("/v1/nodes/web-1", wait=60)
        self.assert_as_before()

    def test_while_it_is_deployed(self) -> None:
        node = self.composed(enroll=AVAILABLE)
        self.deploy(node["uuid"], fails=False)
        self.move("attach")
        self.assertIn("CUSTOM_SSD", self.told()[0])

    def test_ironic_is_away(self) -> None:
        """The device moves, and Ironic is told when it is back."""
        self.composed(enroll=AVAILABLE)
        self.proxy.on("*", "", times=None).cut()
        operation = self.move("attach")
        (warning,) = operation["warnings"]
        self.assertIn("Ironic does not know of the change yet", warning)
        step = operation["steps"][-1]
        self.assertEqual(
            ("update in ironic", "failed"), (step["name"], step["state"])
        )
        self.assertEqual("allocated", self.device()["state"])
        self.assertEqual(set(), self.told()[0])
        self.proxy.heal()
        poll(lambda: "CUSTOM_SSD" in self.told()[0], "Ironic is told")
        poll(lambda: self.last("follow_up")["ended_at"], "it ends")
        self.assertEqual("succeeded", self.last("follow_up")["state"])
        self.assertEqual(0, self.row().enrollment["stale"])

    def test_an_attach_that_fails_tells_nobody(self) -> None:
        self.composed(enroll=AVAILABLE)
        seen = len(self.asked())
        self.env.pods[0].faults.add(method="POST", status=400)
        answer = self.api.post(
            "/v1/nodes/web-1/action",
            {"attach": {"device_id": self.device()["uuid"]}},
            wait=60,
        )
        self.assertEqual(409, answer.status, answer)
        changes = [a for a in self.asked()[seen:] if not a.startswith("GET")]
        self.assertEqual([], changes)
        self.assertEqual("enrolled", self.row().provision_state)


class TestTooMany(FollowingCase):
    """None of many is there: rather a mistake than a massacre."""

    def test_all_at_once(self) -> None:
        nodes = [
            self.composed(name=f"n{number}", enroll=AVAILABLE)
            for number in range(following.SUSPICIOUS - 1)
        ]
        # One that Ironic never had makes them as many as is suspicious.
        with_ironic.multiply(self.row("n0"))
        # So fast that nobody looks meanwhile.
        self.proxy.on("GET", LISTS, times=None).cut()
        for node in nodes:
            self.ironic.request("DELETE", f"/v1/nodes/{node['uuid']}")
        self.proxy.heal()
        self.wait_for_look()
        self.assertEqual(
            {"ironic"},
            {node.managed_by for node in objects.Node.find(self.env.context)},
        )
        # Whoever knows that they are gone says so, of each.
        answer = self.api.post("/v1/nodes/n0/unregister", wait=60)
        self.assertEqual(200, answer.status, answer)
        # And of the few that are left it is believed.
        poll(
            lambda: all(
                node.managed_by == "valence"
                for node in objects.Node.find(self.env.context)
            ),
            "the others are noticed",
        )


del FollowingCase
