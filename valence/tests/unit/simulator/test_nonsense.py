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

"""Whatever is sent, a pod answers and does not break."""

import json
import unittest

import hypothesis
from hypothesis import strategies
import webob

from valence import simulator
from valence.simulator.rsd import allocation
from valence.tests.unit.simulator import base

LEAF = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.sampled_from(
        ["", "SSD", "DDR4", "iSCSI", "x", "/redfish/v1/Systems/1"]
    )
)


def near(form):
    """Payloads of this form, or nearly so."""
    if isinstance(form, dict):
        known = {name: near(key.form) for name, key in form.items()}
        inner = strategies.fixed_dictionaries({}, optional=known)
    elif isinstance(form, list):
        inner = strategies.lists(near(form[0]), max_size=3)
    else:
        return LEAF
    return inner | inner | inner | LEAF


class FabricTest(unittest.TestCase):
    """Whatever is done to an ExpEther fabric, it stays in one piece."""

    @hypothesis.settings(max_examples=40)
    @hypothesis.given(strategies.data())
    def test_both_ends_agree(self, data):
        spec = simulator.EemSpec(servers=3, devices=12, cards=("10g",))
        eem = simulator.Eem(spec)
        units = list(eem.fabric)
        act = strategies.sampled_from(("PUT", "DELETE", "pull", "port"))
        for _ in range(data.draw(strategies.integers(1, 40))):
            unit = data.draw(strategies.sampled_from(units))
            self.act(eem, unit, data.draw(act), data)
            for board in eem.servers:
                for box in board.boxes:
                    self.assertIs(board, box.board)
                    self.assertEqual(board.group_id, box.group_id)
                    self.assertEqual(1, board.ports.count(box))
                    self.assertIn(box.id, eem.fabric)
            for box in eem.devices:
                if box.board is not None:
                    self.assertIn(box, box.board.ports)
            times = [unit.update_time for unit in eem.fabric]
            self.assertLessEqual(max(times, default=0), eem.fabric.now())

    def act(self, eem, unit, act, data):
        kind = "servers" if unit.status == "eesv" else "devices"
        path, body = f"/eem/devices/{unit.id}/group_id", b""
        if act == "PUT":
            groups = strategies.sampled_from((None, "16", "17", "4093"))
            body = json.dumps({"group_id": data.draw(groups)}).encode()
        elif act == "port":
            path = f"/eem/devices/{unit.id}/ports/0/eeio_mac_address"
            act = "DELETE"
        elif unit.id not in eem.fabric:
            eem.add(kind, {"id": unit.id})
            return
        elif act == "pull":
            eem.remove(kind, unit.id)
            return
        request = webob.Request.blank(
            path,
            method=act,
            body=body,
            authorization=("Basic", "YWRtaW46YWRtaW4="),
        )
        response = request.get_response(eem)
        self.assertIn(response.status_int, (200, 400, 404))


class NonsenseTest(unittest.TestCase):
    @hypothesis.settings(max_examples=60)
    @hypothesis.given(near(allocation.REQUEST), strategies.data())
    def test_allocate(self, payload, data):
        dialect = data.draw(strategies.sampled_from(base.ALL))
        pod = simulator.Pod(simulator.PodSpec(dialect=dialect))
        request = webob.Request.blank(
            "/redfish/v1/Nodes/Actions/Allocate",
            method="POST",
            body=json.dumps(payload).encode(),
            authorization=("Basic", "YWRtaW46YWRtaW4="),
        )
        response = request.get_response(pod)
        self.assertIn(response.status_int, (201, 400, 409))
        self.assertEqual(response.status_int == 201, bool(pod.nodes))
        if not pod.nodes:
            self.assertIn("error", response.json)
