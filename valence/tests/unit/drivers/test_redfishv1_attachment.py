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

"""redfishv1 attaches and detaches on hardware of any sort."""

from valence import exception
from valence.drivers import conformance
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers import test_redfishv1_devices as pooled
from valence.tests.unit.drivers.test_redfishv1_devices import ATTACH
from valence.tests.unit.drivers.test_redfishv1_devices import DETACH
from valence.tests.unit.drivers.test_redfishv1_devices import DRIVE
from valence.tests.unit.drivers.test_redfishv1_devices import NODE
from valence.tests.unit.drivers.test_redfishv1_devices import NODES
from valence.tests.unit.drivers.test_redfishv1_devices import OTHER
from valence.tests.unit.drivers.test_redfishv1_devices import ROOT
from valence.tests.unit.drivers.test_redfishv1_devices import drive
from valence.tests.unit.drivers.test_redfishv1_devices import info
from valence.tests.unit.drivers.test_redfishv1_devices import links
from valence.tests.unit.drivers.test_redfishv1_devices import node


class TestAttach(pooled.Case):
    def test_it_is_seen_after_a_while(self):
        self.looks(node(), node(), node(), node(has=(DRIVE,)))
        device = self.attach()
        self.assertEqual(("allocated", "1"), (device.state, device.node_index))
        self.assertEqual(
            [(ATTACH, {"Resource": edge.link(DRIVE)})], self.posts()
        )
        self.assertEqual([0.005] * 2, self.progress.pauses)
        self.assertEqual(
            ["attach", "wait for the device"], self.progress.steps
        )

    def test_it_has_it_already(self):
        self.looks(node(has=(DRIVE,)))
        self.assertEqual("1", self.attach().node_index)
        self.assertEqual([], self.posts())
        self.assertEqual([ROOT, NODES, NODE, DRIVE], self.edge.seen())

    def test_it_never_comes(self):
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.attach,
            driver=self.make(state_timeout=0.02),
        )
        self.assertIn(f"Device {DRIVE}", str(error))
        self.assertIn("attached to node 1", str(error))

    def test_another_has_it(self):
        self.looks(node(offers=()))
        self.edge.documents({OTHER: node("2", has=(DRIVE,))})
        error = self.assertRaises(exception.HardwareConflict, self.attach)
        self.assertIn("node 2", str(error))
        self.assertEqual([], self.posts())

    def test_another_was_faster(self):
        self.refuse(ATTACH, 409)
        self.edge.documents({OTHER: node("2", has=(DRIVE,))})
        error = self.assertRaises(exception.HardwareConflict, self.attach)
        self.assertIn("node 2", str(error))

    def test_refused_though_it_is_done(self):
        for status in (400, 409, 500):
            self.refuse(ATTACH, status)
            self.looks(node(), node(has=(DRIVE,)))
            self.assertEqual("1", self.attach().node_index)

    def test_refused(self):
        for status in (400, 409):
            self.refuse(ATTACH, status)
            error = self.assertRaises(exception.HardwareConflict, self.attach)
            self.assertIn("Not so.", str(error))

    def test_out_of_reach(self):
        self.looks(node(offers=()))
        self.refuse(ATTACH, 500, "PCIeDrive cannot be attached.")
        error = self.assertRaises(exception.HardwareConflict, self.attach)
        self.assertIn("cannot be attached", str(error))

    def test_it_fails(self):
        for status in (500, 503):
            self.refuse(ATTACH, status)
            error = self.assertRaises(exception.BackendError, self.attach)
            self.assertEqual(status, error.values["http_status"])

    def test_forbidden(self):
        self.refuse(ATTACH, 403)
        self.assertRaises(exception.AuthFailure, self.attach)

    def test_the_device_is_pulled_meanwhile(self):
        self.refuse(ATTACH, 404)
        error = self.assertRaises(exception.HardwareNotFound, self.attach)
        self.assertIn(DRIVE, str(error))

    def test_the_node_goes_meanwhile(self):
        self.refuse(ATTACH, 404)
        self.edge.on("GET", NODE, edge.Reply(document=node()), edge.Reply(404))
        error = self.assertRaises(exception.HardwareNotFound, self.attach)
        self.assertIn("composed node '1'", str(error))

    def test_no_device(self):
        for index in ("", "1", "//elsewhere/1", NODE, "/redfish/v1/nothing"):
            error = self.assertRaises(
                exception.HardwareNotFound, self.attach, index
            )
            self.assertIn(f"device '{index}'", str(error))
        self.assertEqual([], self.posts())

    def test_not_offered(self):
        self.looks(node(Actions={}))
        self.assertRaises(exception.HardwareNotSupported, self.attach)

    def test_lost(self):
        self.edge.on("POST", ATTACH, edge.Reply(cut="close"))
        error = self.assertRaises(exception.Unreachable, self.attach)
        self.assertTrue(error.maybe_done)
        self.assertEqual(1, len(self.posts()))

    def test_lost_while_it_waits(self):
        self.edge.on(
            "GET",
            NODE,
            edge.Reply(document=node()),
            edge.Reply(cut="close"),
        )
        error = self.assertRaises(exception.Unreachable, self.attach)
        self.assertTrue(error.maybe_done)


class TestAttachByActionInfo(pooled.Case):
    release = pooled.RESOURCES

    def body(self, protocols, required=False, plain=True, **changed):
        self.edge.requests.clear()
        self.edge.documents(
            {
                DRIVE: drive(**changed),
                f"{NODE}/AttachInfo": info([DRIVE], protocols, required),
            }
        )
        self.looks(node(plain=plain), node(plain=plain, has=(DRIVE,)))
        self.attach()
        ((_, body),) = self.posts()
        return body

    def test_protocol(self):
        bare = {"Resource": edge.link(DRIVE)}
        for plain in (True, False):
            self.assertEqual(bare, self.body(None, plain=plain))
            self.assertEqual(
                {**bare, "Protocol": "NVMe"},
                self.body(["NVMeOverFabrics", "NVMe"], plain=plain),
            )
        self.assertEqual(bare, self.body(["NVMeOverFabrics", "OEM"]))
        self.assertEqual(bare, self.body(["NVMe"], Protocol=None))
        self.assertEqual(
            {**bare, "Protocol": "NVMe"},
            self.body(["NVMe"], required=True, Protocol="PCIe"),
        )
        self.assertEqual(
            {**bare, "Protocol": "PCIe"},
            self.body(["NVMe", "OEM"], required=True, Protocol="PCIe"),
        )

    def test_refused(self):
        self.edge.documents({f"{NODE}/AttachInfo": info([DRIVE])})
        self.looks(node(plain=True))
        self.refuse(ATTACH, 400, "All endpoints are in use.")
        error = self.assertRaises(exception.HardwareConflict, self.attach)
        self.assertIn("All endpoints are in use.", str(error))

    def test_it_fails(self):
        self.edge.documents({f"{NODE}/AttachInfo": info([])})
        self.looks(node(plain=True))
        self.refuse(ATTACH, 500)
        self.assertRaises(exception.BackendError, self.attach)


class TestDetach(pooled.Case):
    def setUp(self):
        super().setUp()
        self.looks(node(has=(DRIVE,)), node(has=(DRIVE,)), node())

    def test_it_is_gone_after_a_while(self):
        device = self.detach()
        self.assertEqual(("free", None), (device.state, device.node_index))
        self.assertEqual(
            [(DETACH, {"Resource": edge.link(DRIVE)})], self.posts()
        )
        self.assertEqual([0.005], self.progress.pauses)
        self.assertEqual(
            ["detach", "wait for the device"], self.progress.steps
        )
        self.assertEqual([], self.progress.warnings)

    def test_what_becomes_of_the_data(self):
        for erase, word in ((True, "is lost"), (False, "can be read")):
            self.holds_one_with(erase)
            self.detach()
            (warning,) = self.progress.warnings
            self.assertIn(word, warning)
            self.assertNotIn(DRIVE, warning)

    def holds_one_with(self, erase):
        self.progress = conformance.Recorder()
        self.edge.documents({DRIVE: drive(erase=erase)})
        self.looks(node(has=(DRIVE,)), node())

    def test_it_does_not_have_it(self):
        self.looks(node())
        self.assertEqual("free", self.detach().state)
        self.edge.documents({OTHER: node("2", has=(DRIVE,))})
        self.assertEqual("2", self.detach().node_index)
        self.assertEqual([], self.posts())

    def test_no_device(self):
        self.assertIsNone(self.detach("/redfish/v1/nothing"))
        self.assertIsNone(self.detach(NODE))

    def test_no_node(self):
        self.edge.documents({NODES: edge.nodes(OTHER)})
        self.assertEqual("free", self.detach().state)

    def test_it_is_pulled_meanwhile(self):
        self.edge.on(
            "GET", DRIVE, edge.Reply(document=drive()), edge.Reply(404)
        )
        self.assertIsNone(self.detach())

    def test_the_node_goes_meanwhile(self):
        for status in (204, 404, 409):
            self.refuse(DETACH, status)
            self.edge.on(
                "GET",
                NODE,
                edge.Reply(document=node(has=(DRIVE,))),
                edge.Reply(404),
            )
            self.assertEqual("free", self.detach(driver=self.make()).state)

    def test_refused(self):
        for status in (400, 404, 409):
            self.looks(node(has=(DRIVE,)))
            self.refuse(DETACH, status)
            self.assertRaises(exception.HardwareConflict, self.detach)

    def test_refused_for_it_is_done(self):
        for status in (400, 404, 409, 500):
            self.looks(node(has=(DRIVE,)), node())
            self.refuse(DETACH, status)
            self.assertEqual("free", self.detach().state)

    def test_it_fails(self):
        self.looks(node(has=(DRIVE,)))
        for status in (500, 503):
            self.refuse(DETACH, status)
            self.assertRaises(exception.BackendError, self.detach)

    def test_it_stays(self):
        self.looks(node(has=(DRIVE,)))
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.detach,
            driver=self.make(state_timeout=0.02),
        )
        self.assertIn("it is attached to", str(error))

    def test_not_offered(self):
        self.looks(
            node(Actions={}, Links={"Storage": links([DRIVE])}),
        )
        self.assertRaises(exception.HardwareNotSupported, self.detach)

    def test_lost(self):
        self.edge.on("POST", DETACH, edge.Reply(cut="close"))
        error = self.assertRaises(exception.Unreachable, self.detach)
        self.assertTrue(error.maybe_done)
