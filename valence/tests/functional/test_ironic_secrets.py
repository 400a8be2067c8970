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
"""What goes to Ironic goes nowhere else, at whatever level is logged."""

from valence.tests.functional import with_ironic  # isort: skip
import pathlib
import typing

from valence.tests.functional import test_secrets

ENROLL = {
    "driver": "redfish",
    "interfaces": with_ironic.INTERFACES,
}
#: All that could say what it was given.
LOQUACIOUS = ",".join(
    f"{name}=DEBUG"
    for name in (
        "ironicclient",
        "keystoneauth",
        "openstack",
        "oslo_messaging",
        "requests",
        "stevedore",
        "taskflow",
        "urllib3",
    )
)


class TestIronicSecrets(test_secrets.Watch, with_ironic.DeployedCase):
    options = {"DEFAULT": {"default_log_levels": LOQUACIOUS}}

    def enroll(self, **more: typing.Any) -> dict[str, typing.Any]:
        """An enrollment with a secret, by its short name and its long one."""
        return {
            **ENROLL,
            "driver_info": {
                "address": "http://127.0.0.1:1",
                "username": "admin",
                "password": self._secret(),
                "ipmi_hex_kg_key": self._secret(),
            },
            **more,
        }

    def _whole_life(self, podm_id: str) -> None:
        """All that can be done, and much that goes wrong."""
        path = "/v1/nodes/one"
        self.composed(podm_id, "one")
        # Ironic quotes what it was given, in each way that it has.
        for status, after in ((400, False), (409, False), (500, True)):
            body = self.enroll()
            said = body["driver_info"]["password"]
            self.proxy.on("POST", "/v1/nodes$", times=3).answer(
                status,
                {"error_message": f"Bad value {said} in driver_info"},
                after=after,
            )
            self.api.post(f"{path}/register", body, wait=60)
            self.proxy.heal()
            self.api.post(f"{path}/unregister", wait=60)
        # A BMC that is not there, and one registered twice.
        self.api.post(
            f"{path}/register", self.enroll(target="manageable"), wait=60
        )
        for _ in range(2):
            answer = self.api.post(f"{path}/register", self.enroll(), wait=60)
            self.assertEqual(200, answer.status, answer)
        self.api.get(path)
        self.api.delete(path, wait=60)
        # From compose, while Ironic is away and when it is back.
        self.proxy.on("*", "", times=None).cut()
        for times in range(2):
            body = {"name": f"c{times}", "podm_id": podm_id}
            self.api.post("/v1/nodes", body | {"enroll": self.enroll()}, 30)
            self.proxy.heal()
        self._refused(path)

    def _refused(self, path: str) -> None:
        """Bodies with secrets in them that are not accepted."""
        for body in (
            self._secret(),
            {"driver_info": self._secret()},
            {"driver_info": [self._secret()]},
            {"driver_info": {"password": [self._secret()]}},
            {"driver_info": {"password": {"a": self._secret()}}},
            {"driver_info": {"password": self._secret() * 100}},
            {"password": self._secret()},
            {**self.enroll(), "target": self._secret()},
            {**self.enroll(), "ports": [{"address": self._secret()}]},
        ):
            answer = self.api.post(f"{path}/register", body)
            self.assertEqual(400, answer.status, answer)
            answer = self.api.post("/v1/nodes", {"enroll": body})
            self.assertEqual(400, answer.status, answer)

    def test_none_comes_out(self) -> None:
        pod = self.pod(systems=3, password=self._secret())
        podm_id = self.register(pod)
        self._whole_life(podm_id)
        known = [
            self.ironic.request("GET", f"/v1/nodes/{node['uuid']}")
            for node in self.ironic.request("GET", "/v1/nodes")["nodes"]
        ]
        self.assertEqual(1, len(known), "that of the last compose")
        for operation in self.api.get("/v1/operations").json:
            self.api.get(f"/v1/operations/{operation['uuid']}")
        for answer in self.api.answers:
            self._assert_clean(f"{answer.headers} {answer.text}", "an answer")
        for daemon in self.deployment.daemons:
            text = ""
            for file in pathlib.Path(daemon.directory).glob("*.log"):
                text += file.read_text()
            self.assertIn(" DEBUG ", text)
            self._assert_clean(text, daemon.name)
        self._assert_rows_are_clean()

    def _attach_logs(self, _exc_info: object) -> None:
        """There is too much of them, and they may have secrets in them."""
