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

"""Hardware that would do harm: it fails alone, soon, and says why."""

from valence.tests import base  # isort: skip - chooses the threads
import contextlib
import dataclasses
import typing
import uuid

from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests.fixtures import processes
from valence.tests.fixtures.environment import Environment
from valence.tests.fixtures.environment import Pods

METADATA = "http://169.254.169.254/latest/meta-data"
#: Seconds that one call may take, here.
TIMEOUT = 3.0
#: A conductor gives up within a few calls, each tried again at the most
#: twice; what it would wait for takes minutes.
BOUND = 60


@dataclasses.dataclass(frozen=True)
class Harm:
    """What hardware does to each request, and what comes of it."""

    fault: dict[str, typing.Any]
    status: str
    reason: str


#: What both kinds of hardware can do.
HARMS = {
    "redirects to the metadata of the cloud": Harm(
        {"redirect": METADATA}, "Error", "redirect|another server"
    ),
    "redirects to a file": Harm(
        {"redirect": "file:///etc/passwd"}, "Error", "redirect|another server"
    ),
    "answers with 1 GiB": Harm(
        {"body": "huge"}, "Error", "larger than [0-9]+ MiB|no answer within"
    ),
    "nests JSON 10,000 deep": Harm(
        {"body": "deep"}, "Error", "nested deeper than"
    ),
    "answers HTML": Harm({"body": "html"}, "Error", "it sends: Gateway"),
    "sends a byte now and then": Harm(
        {"drip": 1.0}, "Offline", "no answer within"
    ),
    "answers nothing": Harm({"body": "empty"}, "Error", "it sends: nothing"),
}
LINKS = Harm({"links": METADATA}, "Error", "another server")


class Harmful:
    """A good pod manager, and one of each harm."""

    spec: PodSpec | EemSpec
    driver: str
    harms: dict[str, Harm]

    def setUp(self) -> None:
        super().setUp()
        self.conf.set("pod_manager", timeout=TIMEOUT)
        self.env = self.useFixture(
            Environment(PodSpec(systems=4), *(self.spec for _ in self.harms))
        )
        self.good, *self.bad = self.env.pods
        self.env.register(0)

    def test_each_fails_alone_and_says_why(self) -> None:
        api = self.env.api
        for endpoint, harm in zip(self.bad, self.harms.values(), strict=True):
            endpoint.faults.add(times=None, **harm.fault)
        asked = {
            what: self.env.register(number, wait=False, driver=self.driver)
            for number, what in enumerate(self.harms, 1)
        }
        # Who has nothing to do with them does not wait.
        for number in range(3):
            path = f"/v1/nodes/n{number}"
            self.env.compose(name=f"n{number}", podm_id="pod-0")
            self.assertEqual(204, api.delete(path, wait=60).status)
        for what, harm in self.harms.items():
            path = f"/v1/pod_managers/{asked[what]['uuid']}"
            podm = processes.poll(
                lambda path=path: (
                    (podm := api.get(path).json)["status"] != "Connecting"
                    and podm
                ),
                f"it is found out: {what}",
                BOUND,
            )
            self.assertRegex(podm["status_reason"], harm.reason, what)
            self.assertLess(len(podm["status_reason"]), 1000)
            self.assertIn(podm["status"], (harm.status, "Offline"), what)
            (operation,) = api.get(
                f"/v1/operations?target_id={podm['uuid']}"
            ).json
            self.assertEqual("failed", operation["state"], what)
            self.assertEqual(podm["status_reason"], operation["last_error"])
        self.assertEqual(
            "Online", api.get("/v1/pod_managers/pod-0").json["status"]
        )

    def test_one_that_turns_bad_keeps_its_nodes(self) -> None:
        """What was known stays, and the hardware is not touched."""
        api = self.env.api
        for number, (endpoint, (what, harm)) in enumerate(
            zip(self.bad, self.harms.items(), strict=True), 1
        ):
            with self.subTest(what):
                podm = self.env.register(number, driver=self.driver)
                path = f"/v1/systems?podm_id={podm['uuid']}"
                before = api.get(path).json
                self.assertNotEqual([], before)
                endpoint.faults.add(times=None, **harm.fault)
                answer = api.post(
                    f"/v1/pod_managers/{podm['uuid']}/sync", wait=BOUND
                )
                self.assertGreaterEqual(answer.status, 400, answer)
                self.assertRegex(answer.error["detail"], harm.reason)
                self.assertEqual(before, api.get(path).json)


class TestRsd(Harmful, base.TestCase):
    spec = PodSpec(dialect="2.5", systems=2)
    driver = "redfishv1"
    harms = {**HARMS, "links to another host": LINKS}


class TestExpEther(Harmful, base.TestCase):
    spec = EemSpec(servers=2, devices=4)
    driver = "expether"
    harms = HARMS


class TestPlaces(base.TestCase):
    """Where a pod manager may be, and who it has to prove to be."""

    def setUp(self) -> None:
        super().setUp()
        self.conf.set("pod_manager", timeout=TIMEOUT)
        self.env = self.useFixture(Environment(PodSpec(systems=2)))

    def register(self, url: str, **fields: typing.Any) -> typing.Any:
        return self.env.api.post(
            "/v1/pod_managers",
            {"name": f"p-{uuid.uuid4().hex}", "url": url, **fields},
            60,
        )

    def test_a_certificate_for_another_name(self) -> None:
        for spec, driver in (
            (PodSpec(systems=1), "redfishv1"),
            (EemSpec(servers=1), "expether"),
        ):
            pods = self.useFixture(
                Pods(
                    spec,
                    tls=True,
                    make_certificate=True,
                    names=["other.example"],
                )
            )
            with open(pods.ca_file) as file:
                own = file.read()
            answer = self.register(
                pods.pods[0].url, driver=driver, ca_certificate=own
            )
            self.assertEqual("Offline", answer.json["status"], answer)
            self.assertRegex(
                answer.json["status_reason"],
                "certificate is not trusted .*(mismatch|not valid for)",
            )
            # Nothing was said to it, least of all a password.
            self.assertEqual([], pods.pods[0].calls)

    def test_networks_are_looked_at_when_it_is_registered(self) -> None:
        self.conf.set(
            "pod_manager", allowed_networks=["127.0.0.0/8", "2001:db8::/32"]
        )
        for url in (
            "http://169.254.169.254",
            "http://10.0.0.1:8443/redfish/v1",
            "https://[::1]:8443",
            "https://[::ffff:169.254.169.254]",
            "http://2852039166",  # 169.254.169.254, as some write it
        ):
            answer = self.register(url)
            self.assertEqual(400, answer.status, url)
            self.assertIn("'url'", answer.error["detail"])
            self.assertIn("none of the networks", answer.error["detail"])
        self.env.register(0)
        answer = self.env.api.patch(
            "/v1/pod_managers/pod-0",
            [{"op": "replace", "path": "/url", "value": "http://10.0.0.1"}],
        )
        self.assertEqual(400, answer.status, answer)
        answer = self.env.api.patch(
            "/v1/pod_managers/pod-0",
            [{"op": "replace", "path": "/location", "value": "here"}],
        )
        self.assertEqual(200, answer.status, answer)

    def test_networks_are_looked_at_when_it_is_connected_to(self) -> None:
        """Whatever it was when it was registered."""
        self.env.register(0)
        (pod,) = self.env.pods
        self.conf.set("pod_manager", allowed_networks=["192.0.2.0/24"])
        pod.calls.clear()
        self.env.api.post("/v1/pod_managers/pod-0/sync", wait=BOUND)
        podm = self.env.api.get("/v1/pod_managers/pod-0").json
        self.assertEqual("Offline", podm["status"])
        self.assertIn("none of the networks", podm["status_reason"])
        self.assertEqual([], pod.calls)
        # A name that nobody knows yet is for the conductors to look at.
        answer = self.register("http://no-such-host.invalid")
        self.assertEqual(200, answer.status, answer)
        self.assertIn("not known", answer.json["status_reason"])

    def test_networks_that_are_none(self) -> None:
        with contextlib.ExitStack() as stack:
            for text in ("10.0.0.1/8", "example.com", "10.0.0.0/40"):
                stack.enter_context(self.subTest(text))
                self.assertRaises(
                    ValueError,
                    self.conf.set,
                    "pod_manager",
                    allowed_networks=[text],
                )
