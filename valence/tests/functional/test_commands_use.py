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

"""What it is like to use the commands: waiting, refusals, formats."""

import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import time

import fixtures
import yaml

from valence.simulator import PodSpec
from valence.tests.fixtures import processes
from valence.tests.fixtures.environment import PATIENCE
from valence.tests.functional import deployed
from valence.tests.functional.test_commands import CommandCase


class RegisteredCase(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.env.register()
        self.pod = self.env.pods[0]


class TestPrograms(RegisteredCase):
    """The programs as they are installed, in processes of their own."""

    def setUp(self) -> None:
        super().setUp()
        home = self.useFixture(fixtures.TempDir()).path
        self.environ = {
            **{k: v for k, v in os.environ.items() if k[:3] != "OS_"},
            "HOME": home,
            "OS_AUTH_TYPE": "none",
            "OS_ENDPOINT": self.served.url,
        }

    def start(self, words: str, stderr: int) -> subprocess.Popen[str]:
        program, *argv = words.split()
        return subprocess.Popen(
            (processes.path_of(program), *argv),
            env=self.environ,
            preexec_fn=processes.interruptible,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def run_program(self, words: str) -> tuple[int, str, str]:
        process = self.start(words, subprocess.PIPE)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def test_wait_in_a_pipe(self) -> None:
        for program in ("openstack", "valence"):
            status, out, err = self.run_program(
                f"{program} composed node create {program} --wait -f json"
            )
            self.assertEqual(0, status, err)
            # What goes on is told beside the result.
            self.assertEqual("composed", json.loads(out)["provision_state"])
            lines = err.splitlines()
            steps = [line for line in lines if ": assemble: " in line]
            self.assertTrue(steps, err)
            self.assertRegex(
                lines[-1], rf"compose {program}: succeeded \(.* s\)"
            )
            self.assertNotIn("\r", err)

    def test_wait_on_a_terminal(self) -> None:
        self.pod.faults.add(point="assemble", delay=1)
        main, other = pty.openpty()
        self.addCleanup(os.close, main)
        process = self.start("valence composed node create --wait", other)
        os.close(other)
        shown = self.read_until_end(main)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(0, process.returncode, shown)
        self.assertRegex(shown, r"\r\[#+\.+\] +\d+ %  compose node-")
        self.assertRegex(shown, r"\r\033\[Kcompose node-\S+: succeeded")

    def read_until_end(self, terminal: int) -> str:
        """What is shown there until nobody writes any more."""
        shown = b""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:  # nobody has the other end
                    break
        return shown.decode()

    def test_ctrl_c(self) -> None:
        gate = deployed.Gate(self.pod, "POST", "Assemble$")
        process = self.start(
            "openstack composed node create web-1 --wait", subprocess.PIPE
        )
        # It waits as soon as it tells of a step.
        begun = process.stderr.readline()
        self.assertIn("compose web-1: ", begun)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(130, process.returncode, err)
        self.assertNotIn("Traceback", err)
        self.assertEqual("", out)
        gate.open()
        (word,) = (w for w in err.splitlines() if "operation wait" in w)
        ended = self.ok(word.split(maxsplit=1)[1])
        self.assertIn("compose web-1: succeeded", ended.err)
        node = self.json("composed node show web-1")
        self.assertEqual("composed", node["provision_state"])

    def test_ctrl_c_while_it_waits_for_several(self) -> None:
        for name in ("a", "b"):
            self.ok(f"composed node create {name} --wait")
        gate = deployed.Gate(self.pod, "DELETE", r"/Nodes/\d+$", 2)
        process = self.start(
            "openstack composed node delete a b --wait", subprocess.PIPE
        )
        self.assertIn("release a: ", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(130, process.returncode, err)
        gate.open()
        words = [w for w in err.splitlines() if "operation wait" in w]
        self.assertEqual(2, len(words), err)
        for word in words:
            self.ok(word.split(maxsplit=1)[1])
        self.assertEqual([], self.json("composed node list"))

    def test_completion(self) -> None:
        status, out, err = self.run_program("openstack complete")
        self.assertEqual(0, status, err)
        self.assertIn("cmds_composed_node_create='", out)
        (words,) = (
            line
            for line in out.splitlines()
            if line.strip().startswith("cmds_composed_node_create=")
        )
        for option in ("--flavor", "--wait", "--same-rack"):
            self.assertIn(option, words)

    def test_help(self) -> None:
        status, out, err = self.run_program("openstack --help")
        self.assertEqual((0, ""), (status, err))
        self.assertIn("pod manager create ", out)
        status, out, err = self.run_program("valence --help")
        self.assertEqual((0, ""), (status, err))
        self.assertIn("pod manager create ", out)


class TestRefusals(RegisteredCase):
    def test_no_capacity_is_explained(self) -> None:
        said = self.fails("composed node create --memory 9999999 --wait big")
        self.assertIn("compose big: failed", said)
        self.assertIn("| pod_manager | filter |", said)
        self.assertIn("| pod-0       | system |", said)
        self.assertIn("memory_mib=9999999", said)
        said = self.fails("composed node create --memory 9999999 --dry-run")
        self.assertIn("| pod-0       | system |", said)

    def test_a_node_that_could_not_be_composed(self) -> None:
        said = self.fails("composed node create web-1 --memory 9999999 --wait")
        node = self.json("composed node show web-1")
        self.assertEqual("compose_failed", node["provision_state"])
        *_, told, remove = said.splitlines()
        self.assertEqual("Node web-1 remains, to say why. To remove it:", told)
        self.assertRegex(remove, f"^  .* composed node delete {node['uuid']}$")
        # Who has not waited is told by looking.
        (operation,) = self.json("composition operation list --node web-1")
        look = f"composition operation wait {operation['uuid']}"
        self.assertEqual([told, remove], self.fails(look).splitlines()[-2:])
        # It works as it stands, and what is gone is not spoken of.
        self.fails("composed node create web-1 --memory 9999999 --wait")
        self.ok(remove.split(maxsplit=1)[1])
        self.assertNotIn("remains", self.fails(look))

    def test_a_wrong_flavor(self) -> None:
        said = self.fails("composed node create --flavor none --wait")
        self.assertRegex(
            said,
            r"flavor_id: No flavor 'none'. \(HTTP 404, request req-.*\)\n",
        )

    def test_a_pod_manager_that_is_switched_off(self) -> None:
        self.pod.stop()
        said = self.fails("pod manager sync pod-0 --wait")
        self.assertIn("does not answer", said)
        said = self.fails("composed node create --pod-manager pod-0")
        self.assertIn("Pod manager pod-0 is Offline: ", said)
        refreshed = self.openstack("pooled device refresh --wait -f json")
        self.assertEqual(1, refreshed.status)
        (outcome,) = refreshed.json
        self.assertEqual("FAILED", outcome["status"])
        self.assertIn("does not answer", outcome["reason"])

    def test_a_pod_manager_that_cannot_be_registered(self) -> None:
        said = self.fails(
            f"pod manager create other --url {self.pod.url}/none "
            "--username admin --password wrong --wait"
        )
        self.assertIn("connect other: failed", said)
        shown = self.json("pod manager show other")
        self.assertEqual("Error", shown["status"])

    def test_several_where_one_fails(self) -> None:
        for name in ("a", "b"):
            self.ok(f"composed node create {name} --wait")
        said = self.fails("composed node delete a none b --wait")
        self.assertIn("none: No node 'none'.", said)
        self.assertIn("1 of 3 failed.", said)
        self.assertEqual([], self.json("composed node list"))

    def test_several_where_hardware_fails(self) -> None:
        for name in ("a", "b"):
            self.ok(f"composed node create {name} --wait")
        self.pod.faults.add(point="delete", status=500, times=None)
        said = self.fails("composed node delete a b --wait")
        self.assertIn("2 of 2 failed.", said)
        self.pod.faults.clear()
        self.ok("composed node delete a b --wait")

    def test_nobody_answers(self) -> None:
        self.openstack.url = "http://127.0.0.1:1"
        self.assertEqual(
            "http://127.0.0.1:1 does not answer: Connection refused\n",
            self.fails("pod manager list"),
        )

    def test_what_makes_no_sense(self) -> None:
        for words, wanted in (
            ("pod manager set pod-0", "no option was given"),
            ("pod manager unset pod-0", "no option was given"),
            ("composition flavor unset small", "no option was given"),
            ("pod manager create x --url y --username z", "--username needs"),
            ("pod manager set pod-0 --password-prompt", "nobody to ask"),
            ("pooled device attach n", "by uuid, or by --type"),
            ("pooled device attach n d --type t", "by uuid, or by --type"),
            ("pooled device attach n d --count 2", "--count needs --type"),
            ("pod manager list --fields nonsense", "'nonsense' is none of"),
            ("pod manager list --sort nonsense", "'sort_key'"),
            ("pod manager list --sort name:up", "'sort_dir'"),
        ):
            self.assertIn(wanted, self.fails(words), words)
        for words, wanted in (
            ("composed node boot device set n disk", "one of Pxe, "),
            ("composed node create --properties {", "this is no JSON"),
            ("composed node create --properties @/none", "/none"),
            ("composed node create --properties []", "a JSON object"),
            ("composed node create --resource PGPU", "KEY=VALUE is wanted"),
            ("composed node create --memory -1", "a positive integer"),
            ("composed node create --memory x", "invalid positive value"),
            ("composition allocation set n --allocation a=1", "PROVIDER:"),
            ("pod manager create x --url y --ca-certificate /none", "/none"),
        ):
            ran = self.openstack(words)
            self.assertEqual(2, ran.status, ran)
            self.assertIn(wanted, ran.err)


class TestSecrets(RegisteredCase):
    def test_no_password_is_shown_or_logged(self) -> None:
        file = self.useFixture(fixtures.TempDir()).join("password")
        with open(file, "w") as out:
            out.write("s3cr3t\n")
        shown = [
            self.openstack(f"--debug pod manager {words}")
            for words in (
                "create other --url http://127.0.0.1:1 --username admin "
                "--password s3cr3t",
                "create third --url http://127.0.0.1:2 --username admin "
                f"--password-file {file}",
                "set pod-0 --username admin --password s3cr3t",
                "set pod-0 --password s3cr3t",
                "show pod-0",
                "list --long",
            )
        ]
        for ran in shown:
            self.assertNotIn("s3cr3t", ran.out + ran.err, ran.words)
        self.assertIn("curl", shown[-1].err)

    def test_a_password_alone_changes(self) -> None:
        for password, status in (("wrong", "Error"), ("admin", "Online")):
            stdin = io.StringIO(f"{password}\n")
            with fixtures.MonkeyPatch("sys.stdin", stdin):
                self.openstack(
                    "pod manager set pod-0 --password-file - --wait"
                )
            shown = self.json("pod manager show pod-0")
            self.assertEqual(status, shown["status"])
            items = shown["authentication"][0]["auth_items"]
            self.assertEqual({"username": "admin", "password": "***"}, items)


class TestFormats(RegisteredCase):
    specs = (PodSpec(dialect="2.5", systems=3, devices=3, fpgas=1),)

    def test_all_of_them(self) -> None:
        words = "composition system list --fields name,mac_addresses"
        as_json = self.json(words)
        self.assertEqual(["name", "mac_addresses"], list(as_json[0]))
        self.assertIsInstance(as_json[0]["mac_addresses"], list)
        self.assertEqual(
            as_json, yaml.safe_load(self.ok(f"{words} -f yaml").out)
        )
        read = list(csv.reader(io.StringIO(self.ok(f"{words} -f csv").out)))
        self.assertEqual(["name", "mac_addresses"], read[0])
        self.assertEqual("System 1", read[1][0])
        self.assertEqual(
            ["System 1", "System 2", "System 3"],
            self.ok(f"{words} -f value -c name").out.splitlines(),
        )
        self.assertIn("| System 1 | ", self.ok(words).out)

    def test_filters_and_order(self) -> None:
        def types(words: str) -> list[str]:
            listed = self.json(f"pooled device list {words}")
            return [one["type"] for one in listed]

        self.assertEqual(4, len(types("")))
        self.assertEqual(["FPGA"], types("--type FPGA"))
        self.assertEqual(3, len(types("--type storage")))
        self.assertEqual([], types("--type FPGA --state allocated"))
        self.assertEqual(
            ["SSD", "NVMe", "NVMe", "FPGA"],
            types("--pod-manager pod-0 --sort type:desc"),
        )
        self.assertEqual(["FPGA", "NVMe"], types("--sort type --limit 2"))
        said = self.fails("pooled device list --pod-manager none")
        self.assertIn("No pod manager 'none'.", said)

    def test_long_lists_are_read_page_by_page(self) -> None:
        self.conf.set("api", max_limit=2)
        words = "pooled device list --sort type"
        every = [one["uuid"] for one in self.json(words)]
        self.assertEqual(4, len(set(every)))
        pages = [r for r in self.served.requests if r[1] == "/v1/devices"]
        self.assertEqual(2, len(pages))
        some = self.json(f"{words} --marker {every[0]} --limit 3")
        self.assertEqual(every[1:], [one["uuid"] for one in some])

    def test_names_of_any_kind(self) -> None:
        for name in ("web 1", "wéb-☃", "a.b:c"):
            self.ok(f"composed node create '{name}' --wait")
            shown = self.json(f"composed node show '{name}'")
            self.assertEqual(name, shown["name"])
            self.ok(f"composed node delete '{name}' --wait")

    def test_several_devices_one_after_the_other(self) -> None:
        self.ok("composed node create web-1 --wait")
        free = self.json("pooled device list --type NVMe")
        both = " ".join(one["uuid"] for one in free)
        self.ok(f"pooled device attach web-1 {both} --wait")
        held = self.json("pooled device list --node web-1")
        self.assertEqual(2, len(held))
        self.ok(f"pooled device attach web-1 {both} --wait")  # as it is
        self.ok("pooled device detach web-1 --type NVMe --count 2 --wait")
        self.assertEqual([], self.json("pooled device list --node web-1"))
        self.ok("pooled device attach web-1 --type storage --count 3 --wait")
        held = self.json("pooled device list --node web-1 --sort type")
        self.assertEqual(["NVMe", "NVMe", "SSD"], [d["type"] for d in held])
        said = self.fails("pooled device attach web-1 --type NVMe --wait")
        self.assertIn("NVMe", said)
        self.assertNotIn("before", said)
        said = self.fails(
            "pooled device detach web-1 --type storage --count 4 --wait"
        )
        self.assertIn("3 of 4 were detached before, and stay so.", said)
        said = self.fails("pooled device detach web-1 --type NVMe --wait")
        self.assertIn("Node web-1 has no device of type NVMe.", said)

    def test_what_is_not_waited_for(self) -> None:
        ran = self.ok("composed node create web-1")
        (word,) = (w for w in ran.err.splitlines() if "wait" in w)
        self.ok(word.strip().partition(" ")[2])
        ran = self.openstack("composed node power on web-1 --quiet")
        self.assertEqual((0, "", ""), (ran.status, ran.out, ran.err))
        operation = self.json("composed node show web-1")["operation_id"]
        if operation is not None:
            self.ok(f"composition operation wait {operation}")
        self.assertEqual(
            "On", self.json("composed node show web-1")["power_state"]
        )

    def test_what_takes_too_long(self) -> None:
        gate = deployed.Gate(self.pod, "POST", "Assemble$")
        said = self.fails("composed node create web-1 --wait --wait-timeout 1")
        self.assertIn("has not ended in time.", said)
        gate.open()
        operation = self.json("composed node show web-1")["operation_id"]
        self.assertIn(f" composition operation wait {operation}\n", said)
        (found,) = self.json("composition operation list --node web-1")
        self.assertEqual(operation, found["uuid"])
        self.ok(f"composition operation wait {operation}")

    def test_the_time_is_for_all_of_them_together(self) -> None:
        for name in ("a", "b", "c"):
            self.ok(f"composed node create {name} --wait")
        gate = deployed.Gate(self.pod, "DELETE", r"/Nodes/\d+$", 3)
        begun = time.monotonic()
        said = self.fails("composed node delete a b c --wait --wait-timeout 6")
        self.assertLess(time.monotonic() - begun, 17)  # each: 18
        self.assertIn("3 of 3 failed.", said)
        self.assertEqual(3, said.count(" composition operation wait "))
        gate.open()
        for word in said.splitlines():
            if "operation wait" in word:
                self.ok(word.split(maxsplit=1)[1])
        self.assertEqual([], self.json("composed node list"))
