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

"""The pages for administrators, and what no test runs of the documentation."""

import ast
import pathlib
import re
import subprocess
import typing
import uuid

import requests

from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import commands
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures.keystone import Keystone
from valence.tests.fixtures.openstack import Ironic
from valence.tests.functional import deployed
from valence.tests.functional import test_docs
from valence.tests.functional import with_ironic

#: Pages that have commands which no test runs as they stand there, and why.
NOT_WALKED = {
    "admin/drivers": "they install packages and rescan the host's PCI bus",
    "admin/placement": "they look at what is in Placement already: "
    "test_placement_deployed asks it for the same",
    "admin/projects": "they read the policy of the host, /etc/valence",
    "admin/secrets": "they need the user valence and a second host; "
    "test_key_rotation goes through the same commands",
    "install/devstack": "test_devstack runs them against the plugin",
    "install/index": "they install: tools/test does, and test_demo runs the "
    "demo, test_client_alone the installation of the client alone",
    "install/production": "they need root and several hosts; test_production "
    "takes its files and commands from the page",
    "install/standalone": "the README's starts it in the same way",
    "user/commands": "they need a cloud that is yours; test_commands_keystone "
    "and test_commands_use run them in another",
}


def walks(
    case: type[test_docs.WalkCase] = test_docs.WalkCase,
) -> list[type[test_docs.WalkCase]]:
    """All cases that walk pages, here and in test_docs."""
    found = [case] if hasattr(case, "pages") else []
    return found + [w for sub in case.__subclasses__() for w in walks(sub)]


class TestPages(base.TestCase):
    def pages(self) -> set[str]:
        """Pages that show commands."""
        return {
            str(path.relative_to(test_docs.SOURCE).with_suffix(""))
            for path in test_docs.SOURCE.rglob("*.rst")
            if re.search(
                r"^\.\. code-block:: (console|shell|bash)$",
                path.read_text(),
                re.M,
            )
        }

    def test_each_is_walked_or_said_why_not(self) -> None:
        walked = {page for case in walks() for page in case.pages}
        self.assertEqual(set(), walked & NOT_WALKED.keys())
        wanted = self.pages() | {"../../README"}
        self.assertEqual(wanted, walked | NOT_WALKED.keys())

    def test_the_page_on_the_commands_has_all_of_them(self) -> None:
        page = (test_docs.SOURCE / "cli/openstack.rst").read_text()
        begun = re.findall(r"^   :command: (.*) \*$", page, re.M)
        for name in commands.names():
            found = [one for one in begun if name.startswith(f"{one} ")]
            self.assertEqual(1, len(found), name)


class TestRecipes(base.TestCase):
    def test_each_file_that_they_name_is_there(self) -> None:
        page = (test_docs.SOURCE / "contributor/recipes.rst").read_text()
        root = test_docs.SOURCE.parents[1]
        named = re.findall(r"``((?:\w[\w.-]*/)+[\w.-]*)``", page)
        self.assertGreater(len(named), 30)
        for name in named:
            paths = (root / name, test_docs.SOURCE / name)
            self.assertTrue(any(path.exists() for path in paths), name)

    def test_each_check_at_their_end_finds_tests(self) -> None:
        page = (test_docs.SOURCE / "contributor/recipes.rst").read_text()
        tests = test_docs.SOURCE.parents[1] / "valence/tests"
        found = [
            f"{'.'.join(path.relative_to(tests).with_suffix('').parts)} {name}"
            for path in tests.rglob("test_*.py")
            for name in re.findall(r"def (test\w*)", path.read_text())
        ]
        ends = re.findall(r"``tools/test '([^']+)'``", page)
        self.assertGreater(len(ends), 5)
        for word in "|".join(ends).split("|"):
            self.assertTrue(any(word in one for one in found), word)


class AdminCase(test_docs.WalkCase):
    terse = True

    def serve(self, **options: dict[str, object]) -> None:
        """Start what the pages take for granted.

        :param options: section → configuration
        """
        database = {"connection": f"sqlite:///{self.home}/v.sqlite"}
        self.valence = self.useFixture(
            processes.Standalone({"database": database, **options})
        )
        self.ports["8181"] = str(self.valence.port)


class TestInventory(AdminCase):
    pages = (
        "admin/devices",
        "admin/operations",
        "admin/metrics",
        "admin/troubleshooting",
    )

    def test_commands_do_what_is_said(self) -> None:
        self.serve()
        pod = self.useFixture(environment.Pods(PodSpec(devices=2))).pods[0]
        client = environment.Client(processes.over_http(self.valence.url))
        answer = client.post(
            "/v1/pod_managers",
            deployed.registration(pod, name="rack-7"),
            wait=60,
        )
        self.assertEqual("Online", answer.json["status"], answer)
        self.names["UUID-OF-THE-NODE"] = str(uuid.uuid4())
        self.walk()


class TestPodManagers(AdminCase):
    pages = ("admin/pod-managers",)

    def test_commands_do_what_is_said(self) -> None:
        self.serve()
        spec = PodSpec(username="valence", password="SECRET")
        pods = self.useFixture(environment.Pods(spec, tls=True))
        (pod,) = pods.pods
        index = compose(pod, verify=pods.ca_file)
        self.names = {
            "https://podm-7.example.com:8443": pod.url,
            "ca.pem": str(pods.ca_file),
            "NEW-SECRET": "SECRET",
            '"node_index": "12"': f'"node_index": "{index}"',
        }
        shown = self.walk()
        # It is trusted from when the CA's certificate is known.
        told = [out for command, out in shown if "rack-7" in command]
        self.assertIn("certificate is not trusted", told[0])
        self.assertIn('"status": "Online"', told[1])


class TestKeystone(AdminCase):
    pages = ("install/keystone",)

    def test_commands_do_what_is_said(self) -> None:
        self.serve()
        keystone = self.useFixture(Keystone())
        self.names["https://composition.example.com"] = self.valence.url
        self.environ |= {
            f"OS_{name.upper()}": str(value)
            for name, value in keystone.credentials(keystone.admin).items()
        }
        self.walk()
        # Who is to be entered as [keystone_authtoken] is let in, and the
        # commands find the service.
        for words in (
            "token issue --os-username valence --os-password SERVICE_PASSWORD "
            "--os-project-name service",
            "composed node list",
        ):
            done = subprocess.run(
                (processes.path_of("openstack"), *words.split()),
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(0, done.returncode, done.stderr)


class TestIronic(AdminCase):
    """A cloud: Keystone, Ironic and Valence."""

    pages = ("admin/ironic",)
    terse = False

    def test_commands_do_what_is_said(self) -> None:
        keystone = self.useFixture(Keystone())
        self.useFixture(Ironic(keystone, options=with_ironic.OF_IRONIC))
        authtoken = keystone.authtoken("valence")
        # What the page has it do gives it the role that this needs.
        user = keystone.user("valence", project=None)
        self.serve(
            DEFAULT={"auth_strategy": "keystone"},
            keystone_authtoken=authtoken,
            ironic=keystone.credentials(user) | {"poll_interval": 0.1},
        )
        keystone.service("composition", "valence", self.valence.url)
        pod = self.useFixture(environment.Pods(PodSpec(dialect="2.1"))).pods[0]
        admin = environment.Client(
            processes.over_http(self.valence.url),
            X_Auth_Token=keystone.token(),
        )
        flavor = {
            "name": "small",
            "properties": {"memory": {"capacity_mib": 4096}},
        }
        for path, body in (
            ("/v1/pod_managers", deployed.registration(pod)),
            ("/v1/flavors", flavor),
        ):
            answer = admin.post(path, body, wait=60)
            self.assertLess(answer.status, 300, answer)
        self.environ |= {
            f"OS_{name.upper()}": str(value)
            for name, value in keystone.credentials(keystone.admin).items()
        }
        self.walk()


class TestSimulator(AdminCase):
    """Each simulator of the page is started; requests go to one of them."""

    pages = ("admin/simulator",)

    def test_commands_do_what_is_said(self) -> None:
        specs = (PodSpec(dialect="2.5", devices=2), EemSpec())
        pod, eem = self.useFixture(environment.Pods(*specs)).pods
        compose(pod)
        self.ports = {"8443": str(pod.port), "30500": str(eem.port)}
        for file in ("ca.pem", "key.pem"):
            self.names[file] = str(self.home / file)
        self.walk()

    def start(self, command: str, expected: str) -> None:
        for name, here in self.names.items():
            command = command.replace(name, here)
        process = subprocess.Popen(
            # The shell takes the line breaks out.
            ("bash", "-c", f"exec {command} --quiet --port 0"),
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 120)
        self.addCleanup(process.terminate)
        count = len(expected.splitlines()) or 1
        shown = "".join(process.stdout.readline() for _ in range(count))
        if "--tls" in command:
            # The one that is asked over TLS; the others have told all.
            url = shown.split()[0]
            self.names["https://127.0.0.1:8443"] = url
        else:
            process.terminate()
            process.wait(120)
        told = re.sub(r":\d+(?=/eem)", ":30500", shown)
        told = re.sub(r":\d+(?=  )", ":8443", told)
        if expected:
            expected = expected.replace(":30501", ":30500")
            self.compare(command, expected, told.rstrip("\n"))


def compose(pod: typing.Any, **how: typing.Any) -> str:
    """Have somebody else compose a node on a pod; its index."""
    requests.post(
        f"{pod.url}/redfish/v1/Nodes/Actions/Allocate",
        json={"Name": "found"},
        auth=(pod.spec.username, pod.spec.password),
        timeout=60,
        **how,
    ).raise_for_status()
    (node,) = pod.nodes
    pod.change("nodes", node.id, {"state": "Assembled"})
    return str(node.id)


#: What others print, and not Valence.
FOREIGN = (
    "Failed to find some config files: …",
    "Value for option … is not valid: …",
    "unable to load app 0",
)
#: What a message has of the moment.
EXAMPLES = (
    r"rack-7|127\.0\.0\.1:8181|'/redfish/v1'|resource|\(HTTP 404\)|Offline|"
    r"'podm_id'|authentication of |valence\.scheduler\.filter|pod manager|"
    r"Address already in use|Permission denied|connection refused|/eem"
)


class TestTroubleshooting(base.TestCase):
    def test_each_message_is_one_that_is_printed(self) -> None:
        page = (test_docs.SOURCE / "admin/troubleshooting.rst").read_text()
        lines = [line for line in page.splitlines() if line.startswith("``")]
        quoted = [
            one
            for line in lines
            for one in re.findall(r"``([^`]+)``", line)
            if not re.fullmatch(r"\d+|[a-z_]+", one) and one not in FOREIGN
        ]
        self.assertGreater(len(quoted), 35)
        known = printed()
        for message in quoted:
            for part in re.split(f"…|{EXAMPLES}", message):
                self.assertTrue(covered(part.strip(" :(),.'"), known), message)


def printed() -> str:
    """All texts of the code, a line for each."""
    found = set()
    for path in pathlib.Path(test_docs.SOURCE.parents[1], "valence").rglob(
        "*.py"
    ):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(" ".join(node.value.split()))
    return "\n".join(found)


def covered(part: str, known: str) -> bool:
    """Whether a text is made of such that are known, of some length each."""
    while part:
        length = len(part)
        while part[:length] not in known:
            length -= 1
        if length < min(8, len(part)):
            return False
        part = part[length:].lstrip()
    return True
