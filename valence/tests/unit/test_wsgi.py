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
import tempfile

from oslo_config import cfg

from valence.tests import base

CONF = cfg.CONF


class TestApplication(base.TestCase):
    def test_stands_in_the_dictionary_of_the_module(self) -> None:
        # uWSGI looks nowhere else. In a process of its own, as it reads the
        # configuration.
        done = self.imported("[DEFAULT]\nauth_strategy = noauth\n")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("'application'", done.stdout)

    def test_is_not_made_without_keys(self) -> None:
        self.conf.set("secrets", key_repository="/nonexistent")
        done = self.imported("[DEFAULT]\nauth_strategy = noauth\n")
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("there is no directory /nonexistent", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_is_not_made_where_nobody_could_be_let_in(self) -> None:
        for options, said in (
            ("", "[keystone_authtoken]"),
            ("auth_strategy = http_basic\n", "http_basic_auth_user_file"),
        ):
            done = self.imported(f"[DEFAULT]\n{options}")
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn(said, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def imported(self, options: str) -> subprocess.CompletedProcess[str]:
        script = "from valence.wsgi import api; print(api.__dict__.keys())"
        keys = CONF.secrets.key_repository
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            config.write(f"{options}[secrets]\nkey_repository = {keys}\n")
            config.flush()
            return subprocess.run(
                (sys.executable, "-c", script),
                env=os.environ | {"VALENCE_CONFIG_FILE": config.name},
                capture_output=True,
                text=True,
                check=False,
            )
