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

"""The command, started as anybody would."""

import contextlib
import io
import re
import signal
import subprocess
import sys
import unittest

import requests

from valence.cmd import simulator
from valence.tests.unit.simulator import base


class CommandTest(unittest.TestCase):
    def start(self, *args):
        process = subprocess.Popen(
            [sys.executable, "-m", "valence.cmd.simulator", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_serve_and_end(self):
        process = self.start(
            "--port=0",
            "--tls",
            "--systems=3",
            "--profiles=Gold",
            "--pod=1.2.1",
            "--pod=2.5:systems=20,racks=2,username=u,password=p,devices=3,"
            "profiles=D+E5,enclosures=2,disks=9300,boards=U250,fpgas=1",
            "--eem",
            "--eem=servers=1,devices=20,kinds=GPU+USB,username=",
        )
        lines = [process.stdout.readline() for _ in range(5)]
        first, second = (re.match(r"(https://\S+)  dia", x) for x in lines[:2])
        self.assertIn("dialect 1.2.1, user admin, 3 systems", lines[0])
        self.assertIn("dialect 2.5, user u, 20 systems", lines[1])
        self.assertIn(", 4 devices", lines[1])
        self.assertIn(
            "/eem  EEM v1.0.8, user admin, 2 servers, 8 devices", lines[2]
        )
        self.assertIn("no password, 1 servers, 20 devices", lines[3])
        verify = lines[4].split(": ", 1)[1].strip()
        for url, auth in ((first[1], base.AUTH), (second[1], ("u", "p"))):
            response = requests.get(
                url + "/redfish/v1", auth=auth, verify=verify, timeout=60
            )
            self.assertEqual(200, response.status_code)
        for url, model in ((first[1], "6138"), (second[1], "D-1541")):
            response = requests.get(
                url + "/simulator/systems/1", verify=verify, timeout=60
            )
            self.assertIn(model, response.json()["model"])
        response = requests.get(
            second[1] + "/simulator/devices", verify=verify, timeout=60
        )
        self.assertEqual(
            [
                ("Micron", "Rack1Enclosure1"),
                ("Micron", "Rack2Enclosure1"),
                ("Micron", "Rack1Enclosure2"),
                ("Xilinx", "Rack1Enclosure1"),
            ],
            [(one["vendor"], one["enclosure"]) for one in response.json()],
        )
        eem = lines[3].split()[0]
        response = requests.get(eem + "/devices", verify=verify, timeout=60)
        self.assertEqual(21, len(response.json()["devices"]))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(0, process.returncode, errors)
        self.assertIn("GET /redfish/v1 200", errors)
        self.assertNotIn("Traceback", errors)

    def test_wrong_options(self):
        for args, wanted in (
            (["--pod", "3.0"], "dialect '3.0' is none of 1.2.1, 2.1"),
            (["--pod", "2.1:colour=red"], "NAME=VALUE"),
            (["--pod", "2.1:systems=many"], "--pod 2.1:systems=many"),
            (["--eem", "colour=red"], "--eem colour=red: give NAME=VALUE"),
            (["--eem", "kinds=TPU"], "kind 'TPU' is none of SSD, NIC"),
            (["--eem", "devices=many"], "--eem devices=many"),
            (["--quirks", "odd"], "quirk 'odd' is none of"),
            (["--pods", "0"], "no pod"),
            (["--systems", "-1"], "systems cannot be -1"),
            (["--profiles", "Tin"], "profile 'Tin' is none of D, E5, Gold"),
            (["--pod", "2.1:disks=Tin"], "disk 'Tin' is none of NVMe-800"),
            (["--boards", "+"], "boards cannot be empty"),
            (["--enclosures", "0"], "need an enclosure"),
            (["--assemble-seconds", "nan"], "cannot be nan"),
            (["--port", "65535", "--pods", "2"], "not 2 ports"),
            (["--certificate", "x"], "go together"),
        ):
            with self.subTest(args):
                errors = io.StringIO()
                with (
                    contextlib.redirect_stderr(errors),
                    self.assertRaises(SystemExit) as end,
                ):
                    simulator.main(args)
                self.assertEqual(2, end.exception.code)
                self.assertIn(wanted, errors.getvalue())

    def test_certificate_missing(self):
        process = self.start("--port=0", "--certificate=/no", "--key=/no")
        self.assertEqual(1, process.wait(timeout=60))
        self.assertNotIn("Traceback", process.stderr.read())
