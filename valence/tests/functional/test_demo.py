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

"""The demo of the README, as a newcomer runs it."""

import os
import pathlib
import signal
import subprocess
import sys

import fixtures
import testtools

from valence.tests.fixtures import processes

DEMO = pathlib.Path(__file__).parents[3] / "tools" / "demo.py"


class DemoTest(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def _start(self, *arguments):
        return subprocess.Popen(
            (sys.executable, str(DEMO), *arguments),
            preexec_fn=processes.interruptible,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"TMPDIR": self.directory},
        )

    def test_tells_its_story_and_leaves_nothing(self):
        demo = self._start()
        output, _ = demo.communicate(timeout=300)
        self.assertEqual(0, demo.returncode, output)
        self.assertIn("the operation has succeeded", output)
        self.assertRegex(output, r"power_state +On")
        self.assertRegex(output, r"allocated +1\n")
        self.assertIn("Everything has stopped again", output)
        self.assertEqual([], os.listdir(self.directory))

    def test_keeps_running_until_interrupted(self):
        demo = self._start("--keep")
        lines = []
        while not lines or "Ctrl-C ends it" not in lines[-1]:
            lines.append(demo.stdout.readline())
            self.assertNotEqual("", lines[-1], "".join(lines))
        self.assertEqual(1, len(os.listdir(self.directory)))
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=300)
        self.assertEqual(0, demo.returncode, output)
        self.assertEqual([], os.listdir(self.directory))
