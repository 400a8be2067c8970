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

"""Pooled devices that redfishv1 finds on hardware of any sort."""

import json

import hypothesis
from hypothesis import strategies as st
import testtools

from valence import exception
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import redfishv1
from valence.drivers.redfishv1 import connector
from valence.tests.unit.drivers import edge

ROOT = edge.ROOT
NODES = f"{ROOT}/Nodes"
NODE = f"{NODES}/1"
OTHER = f"{NODES}/2"
SHELF = f"{ROOT}/Chassis/Shelf"
SLED = f"{ROOT}/Chassis/Sled1"
DRIVE = f"{SHELF}/Drives/1"
LOCAL = f"{SLED}/Drives/1"
FPGA = f"{ROOT}/Systems/9/Processors/F1"
ATTACH = f"{NODE}/Actions/Attach"
DETACH = f"{NODE}/Actions/Detach"
ENDPOINTS = {"Oem": {"Intel_RackScale": {"ApiVersion": "2.0.0"}}}
RESOURCES = {"Oem": {"Intel_RackScale": {"ApiVersion": "2.3.0"}}}


def links(paths):
    return [edge.link(path) for path in paths]


def node(index="1", offers=(DRIVE,), has=(), plain=None, **changed):
    """A node of 2.1, or of a later release where ActionInfos are.

    :param plain: whether ActionInfos are linked by text; None for 2.1
    """
    path = f"{NODES}/{index}"
    actions = {}
    for verb, paths in (("Attach", offers), ("Detach", has)):
        name = "Endpoint" if plain is None else "Resource"
        action = actions[f"#ComposedNode.{verb}{name}"] = {
            "target": f"{path}/Actions/{verb}"
        }
        if plain is None:
            action["Resource@Redfish.AllowableValues"] = links(paths)
        else:
            info = f"{path}/{verb}Info"
            action["@Redfish.ActionInfo"] = info if plain else edge.link(info)
    return edge.node(
        index,
        **{
            "Links": {
                "ComputerSystem": edge.link(f"{ROOT}/Systems/{index}"),
                "LocalDrives": links([LOCAL, *has]),
                "Processors": links([f"{ROOT}/Systems/{index}/Processors/1"]),
            },
            "Actions": actions,
            **changed,
        },
    )


def info(paths, protocols=None, required=False):
    parameters = [{"Name": "Resource", "AllowableValues": links(paths)}]
    if protocols is not None:
        parameters.append(
            {
                "Name": "Protocol",
                "Required": required,
                "AllowableValues": protocols,
            }
        )
    return {"Id": "Info", "Parameters": parameters}


def drive(path=DRIVE, erase=None, erased=None, **changed):
    return {
        "@odata.id": path,
        "@odata.type": "#Drive.v1_1_1.Drive",
        "Id": path.rpartition("/")[2],
        "Name": "Drive",
        "Manufacturer": "Intel",
        "Model": "P4500",
        "SerialNumber": "S1",
        "CapacityBytes": 800 * 1024**3,
        "Protocol": "NVMe",
        "MediaType": "SSD",
        "Status": {"State": "Enabled", "Health": "OK"},
        "Links": {"Endpoints": links([f"{ROOT}/Fabrics/1/Endpoints/1"])},
        "Oem": {
            "Intel_RackScale": {"EraseOnDetach": erase, "DriveErased": erased}
        },
        **changed,
    }


class Case(testtools.TestCase):
    release = ENDPOINTS

    def setUp(self):
        super().setUp()
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.edge.documents(
            {
                ROOT: edge.root(**self.release),
                NODES: edge.nodes(NODE, OTHER),
                OTHER: node("2", offers=()),
                f"{ROOT}/Chassis": edge.members(SHELF, SLED),
                SHELF: {"Id": "Shelf", "Links": {"Drives": links([DRIVE])}},
                SLED: {
                    "Id": "Sled1",
                    "Links": {
                        "ComputerSystems": links([f"{ROOT}/Systems/1"]),
                        "Drives": links([LOCAL]),
                    },
                },
                DRIVE: drive(),
                LOCAL: drive(LOCAL, Protocol="SATA", Links={}),
            }
        )
        self.looks(node())
        for target in (ATTACH, DETACH):
            self.edge.on("POST", target, edge.Reply(204))
        self.progress = conformance.Recorder()
        self.driver = self.make()

    def looks(self, *nodes):
        """What node 1 shows, look by look."""
        self.edge.on("GET", NODE, *(edge.Reply(document=one) for one in nodes))

    def make(self, **changed):
        driver = redfishv1.RedfishV1Driver(self.edge.connection(**changed))
        self.addCleanup(driver.close)
        return driver

    def attach(self, device=DRIVE, driver=None):
        driver = driver or self.driver
        return driver.attach_device("1", device, self.progress)

    def detach(self, device=DRIVE, driver=None):
        driver = driver or self.driver
        return driver.detach_device("1", device, self.progress)

    def posts(self):
        return [
            (one.path, one.document)
            for one in self.edge.requests
            if one.method == "POST"
        ]

    def refuse(self, target, status, reason="Not so."):
        self.edge.on(
            "POST",
            target,
            edge.Reply(
                status,
                {
                    "error": {
                        "message": "EntityOperation exception.",
                        "@Message.ExtendedInfo": [{"Message": reason}],
                    }
                },
            ),
        )


class TestList(Case):
    def indexes(self, **nodes):
        return [one.index for one in self.make().list_devices(**nodes)]

    def test_what_it_tells(self):
        (device,) = self.driver.list_devices()
        self.assertEqual(
            base.Device(
                index=DRIVE,
                device_type="NVMe",
                name="Drive",
                resource_uri=DRIVE,
                state="free",
                node_index=None,
                pooled_group_id="Shelf",
                health="OK",
                power_state=None,
                properties={
                    "model": "P4500",
                    "serial": "S1",
                    "capacity_gib": 800,
                    "protocol": "NVMe",
                    "media_type": "SSD",
                },
                extra={
                    "vendor_name": "Intel",
                    "device_name": "P4500",
                    "status": "Enabled",
                },
                vendor="Intel",
                model="P4500",
                capacity_gib=800,
            ),
            device,
        )

    def test_capacity_is_rounded_down(self):
        for given, whole, properties in (
            ({"CapacityBytes": 800 * 1024**3 - 1}, 799, 800.0),
            ({"CapacityBytes": None, "CapacityGiB": "7.456"}, 7, 7.46),
            ({"CapacityBytes": 0}, 0, 0),
            # Nothing that a column could hold.
            ({"CapacityBytes": 1e300}, None, 1e300 / 1024**3),
            ({"CapacityBytes": -1}, None, 0.0),
            ({"CapacityBytes": None}, None, None),
        ):
            self.edge.documents({DRIVE: drive(**given)})
            (device,) = self.driver.list_devices()
            self.assertEqual(whole, device.capacity_gib)
            self.assertEqual(properties, device.properties.get("capacity_gib"))

    def test_types(self):
        for changed, kind in (
            ({"Protocol": "NVMeOverFabrics"}, "NVMe"),
            ({"Protocol": "PCIe"}, "SSD"),
            ({"Protocol": "SAS", "MediaType": "HDD"}, "HDD"),
            ({"Protocol": None, "MediaType": "SMR"}, "HDD"),
            ({"Protocol": None, "MediaType": "Tape"}, "Unknown"),
            ({"Protocol": "PCIe", "@odata.type": None}, "SSD"),
            ({"@odata.type": "#Processor", "ProcessorType": "GPU"}, "GPU"),
        ):
            self.edge.documents({DRIVE: drive(**changed)})
            (device,) = self.driver.list_devices()
            self.assertEqual(kind, device.device_type)

    def test_what_is_no_pooled_device(self):
        self.looks(node(offers=()))
        for changed in (
            {"Status": {"State": "Absent"}},
            {"@odata.type": "#Volume.v1_0_0.Volume"},
            {"@odata.type": "#Processor.v1_0_0.Processor"},
            # Of a storage service, which makes volumes of it.
            {"Links": {"Volumes": links(["/v/1"])}},
            {"Protocol": "SAS", "Links": {}},
        ):
            self.edge.documents({DRIVE: drive(**changed)})
            self.assertEqual([], self.driver.list_devices())
        self.edge.on("GET", DRIVE, edge.Reply(404))
        self.assertEqual([], self.driver.list_devices())

    def test_where_it_stands(self):
        self.looks(node(offers=(FPGA,)))
        self.edge.documents(
            {FPGA: drive(FPGA, Links={"Chassis": edge.link(SLED)})}
        )
        found = {
            one.index: one.pooled_group_id
            for one in self.driver.list_devices()
        }
        self.assertEqual({DRIVE: "Shelf", FPGA: "Sled1"}, found)
        self.edge.documents({FPGA: drive(FPGA)})
        self.assertIn(
            None, {one.pooled_group_id for one in self.driver.list_devices()}
        )

    def test_a_drive_beside_a_computer_that_is_offered_or_held(self):
        self.looks(node(offers=(DRIVE, LOCAL)))
        self.assertEqual([DRIVE, LOCAL], self.indexes())
        self.looks(node(offers=(), has=(LOCAL,)))
        self.assertEqual([DRIVE, LOCAL], self.indexes())
        self.assertEqual("1", self.driver.list_devices()[1].node_index)

    def test_no_chassis(self):
        self.edge.documents({ROOT: edge.root(Chassis=None)})
        self.assertEqual([DRIVE], self.indexes())

    def test_nodes_given(self):
        nodes = self.driver.list_nodes()
        self.edge.requests.clear()
        self.driver.list_devices(nodes)
        self.assertEqual(
            sorted([f"{ROOT}/Chassis", SHELF, SLED, DRIVE]),
            sorted(self.edge.seen()),
        )
        # Another driver has not seen them.
        self.assertEqual([DRIVE], self.indexes(nodes=nodes))
        # Nor is what was seen true once a device has changed hands.
        self.looks(node(), node(has=(DRIVE,)))
        self.attach()
        (device,) = self.driver.list_devices(nodes)
        self.assertEqual("1", device.node_index)

    def test_sick_hardware_hides_nothing(self):
        self.edge.on("GET", DRIVE, edge.Reply(500))
        self.assertRaises(exception.BackendError, self.driver.list_devices)


class TestListByActionInfo(Case):
    release = RESOURCES

    def setUp(self):
        super().setUp()
        self.looks(node(plain=True))
        self.edge.documents(
            {
                OTHER: node("2", plain=False, has=(LOCAL,)),
                f"{NODE}/AttachInfo": info(
                    [
                        FPGA,
                        f"{ROOT}/Fabrics/1/Endpoints/1",
                        f"{ROOT}/Volumes/1",
                    ]
                ),
                f"{NODE}/DetachInfo": info([]),
                f"{OTHER}/AttachInfo": info([DRIVE]),
                f"{OTHER}/DetachInfo": info([LOCAL]),
                FPGA: {
                    "@odata.type": "#Processor.v1_0_0.Processor",
                    "ProcessorType": "FPGA",
                    "Oem": {"Intel_RackScale": {"SerialNumber": "F"}},
                },
            }
        )

    def test_all_that_there_is(self):
        found = {
            one.index: (one.device_type, one.node_index)
            for one in self.driver.list_devices()
        }
        self.assertEqual(
            {
                DRIVE: ("NVMe", None),
                FPGA: ("FPGA", None),
                LOCAL: ("SSD", "2"),
            },
            found,
        )
        self.assertNotIn(f"{ROOT}/Volumes/1", self.edge.seen())

    def test_infos_that_are_not_there(self):
        for verb in ("Attach", "Detach"):
            for path in (NODE, OTHER):
                self.edge.on("GET", f"{path}/{verb}Info", edge.Reply(404))
        self.assertEqual(
            [DRIVE], [one.index for one in self.driver.list_devices()]
        )


# -- whatever is sent --------------------------------------------------------

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([NODE, DRIVE, "NVMe", "Absent", "#Drive.v1.Drive"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["@odata.id", "target", "Name", "Drives"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=4,
)


def spoilt(document):
    """``document`` with some of its values replaced by anything."""
    return st.dictionaries(
        st.sampled_from(sorted(document)), VALUE, max_size=3
    ).map(lambda changed: {**document, **changed})


POD = st.fixed_dictionaries(
    {
        ROOT: st.just(edge.root(**RESOURCES)),
        NODES: st.just(edge.nodes(NODE)),
        NODE: spoilt(node(plain=True, has=(DRIVE,))) | spoilt(node()),
        f"{NODE}/AttachInfo": spoilt(info([DRIVE], ["NVMe"])),
        f"{NODE}/DetachInfo": spoilt(info([DRIVE])),
        f"{ROOT}/Chassis": st.just(edge.members(SHELF)),
        SHELF: spoilt({"Links": {"Drives": links([DRIVE])}}),
        DRIVE: spoilt(drive(erase=True)),
    }
)


class TestAnything(testtools.TestCase):
    @hypothesis.settings(max_examples=150)
    @hypothesis.given(POD)
    def test_plain_values_or_a_named_error(self, documents):
        driver = redfishv1.RedfishV1Driver(
            base.Connection(
                url="http://pod.example", poll_interval=0, state_timeout=0
            )
        )

        http = driver._connector._http

        def answer(method, path="", **_):
            if method != "GET":
                return connector.Answer(204, {}, b"", path, http)
            if path not in documents:
                raise exception.HardwareNotFound(noun="resource", ident=path)
            content = json.dumps(documents[path]).encode()
            return connector.Answer(200, {}, content, path, http)

        driver._connector._op = answer
        progress = conformance.Recorder()
        try:
            for call, args in (
                (driver.list_devices, ()),
                (driver.attach_device, ("1", DRIVE, progress)),
                (driver.detach_device, ("1", DRIVE, progress)),
            ):
                try:
                    call(*args)
                except exception.HardwareError as error:
                    self.assertTrue(str(error))
        finally:
            driver.close()
