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


"""The WSGI application as servers look for it."""

import os
import subprocess
import sys

import testtools


class TestApplication(testtools.TestCase):
    def test_stands_in_the_dictionary_of_the_module(self) -> None:
        # uWSGI looks nowhere else. In a process of its own, as it reads the
        # configuration.
        script = "from valence.wsgi import api; print(api.__dict__.keys())"
        done = subprocess.run(
            (sys.executable, "-c", script),
            env=os.environ | {"VALENCE_CONFIG_FILE": os.devnull},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self.assertIn("'application'", done.stdout)
