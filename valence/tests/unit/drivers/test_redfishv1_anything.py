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

"""redfishv1 where a pod manager sends anything at all."""

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
from valence.tests.unit.drivers.redfishv1_case import NODE
from valence.tests.unit.drivers.redfishv1_case import NODES
from valence.tests.unit.drivers.redfishv1_case import ROOT

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([NODE, "Rack", "Assembled", "valence:x", "1e999"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@odata.id", "target", "Members", "Count", "Location", "Id"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def _places(document, path=()):
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key)
            yield from _places(value, (*path, key))


@st.composite
def spoilt(draw, document):
    """``document`` with a few of its values replaced by anything."""
    document = json.loads(json.dumps(document))
    places = sorted(_places(document))
    for place in draw(st.lists(st.sampled_from(places), max_size=4)):
        inside = document
        for key in place[:-1]:
            inside = inside.get(key) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside[place[-1]] = draw(VALUE)
    return document


CHASSIS = {
    "Id": "Rack",
    "ChassisType": "Rack",
    "Links": {
        "Contains": [],
        "ContainedBy": edge.link(f"{ROOT}/Chassis/Rack"),
        "ComputerSystems": [edge.link(f"{ROOT}/Systems/1")],
    },
    "Oem": {"Intel_RackScale": {"Location": {"Id": "R", "ParentId": "P"}}},
}
POD = st.fixed_dictionaries(
    {
        ROOT: spoilt(edge.root()),
        NODES: spoilt(edge.nodes(NODE)),
        NODE: spoilt(edge.node()),
        f"{ROOT}/Systems": spoilt(edge.members(f"{ROOT}/Systems/1")),
        f"{ROOT}/Systems/1": spoilt(edge.system()),
        f"{ROOT}/Systems/1/Processors": spoilt(
            edge.members(f"{ROOT}/Systems/1/Processors/1")
        ),
        f"{ROOT}/Systems/1/Processors/1": spoilt(
            {"ProcessorType": "CPU", "TotalCores": 4, "Model": "Xeon"}
        ),
        f"{ROOT}/Chassis": spoilt(edge.members(f"{ROOT}/Chassis/Rack")),
        f"{ROOT}/Chassis/Rack": spoilt(CHASSIS),
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
                (driver.get_info, ()),
                (driver.list_racks, ()),
                (driver.list_systems, ()),
                (driver.list_nodes, ()),
                (driver.get_node, ("1",)),
                (driver.find_node, ("tag-1",)),
                (driver.get_assets, ("1",)),
                (driver.reset_node, ("1", "On", progress)),
                (driver.set_boot_source, ("1", "Pxe")),
                (driver.compose_node, ("t", "n", "d", {}, progress)),
                (driver.list_devices, ()),
                (driver.attach_device, ("1", NODE, progress)),
                (driver.detach_device, ("1", NODE, progress)),
                (driver.delete_node, ("1", progress)),
            ):
                try:
                    call(*args)
                except exception.HardwareError as error:
                    self.assertTrue(str(error))
        finally:
            driver.close()
