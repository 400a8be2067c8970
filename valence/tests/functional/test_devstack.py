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

"""The plugin of DevStack, phase by phase, with a stand-in for DevStack.

See valence.tests.fixtures.devstack. Processes, database, bus and keystone are
real ones.
"""

import configparser
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys

import fixtures
from keystoneauth1 import loading
from keystoneauth1 import session as ksa_session
import yaml

from valence.tests import base
from valence.tests.fixtures import processes
from valence.tests.fixtures import services
from valence.tests.fixtures.daemon import free_ports
from valence.tests.fixtures.keystone import Keystone
from valence.tests.functional import test_docs

TOP = pathlib.Path(__file__).parents[3]
STANDIN = TOP / "valence/tests/fixtures/devstack"
PLUGIN = TOP / "devstack"
PARTS = ("valence-api", "valence-cond", "valence-sim")
PHASES = ("pre-install", "install", "post-config", "extra", "test-config")
#: What a shell has anyway.
SHELL = {
    "bash", "case", "echo", "esac", "install", "local", "return", "rm",
    "source", "sudo", "which",
}  # fmt: skip


class DevStackCase(base.TestCase):
    """A place for DevStack, with no service in it."""

    def setUp(self) -> None:
        super().setUp()
        self.top = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (self.top / "dest").mkdir()
        (self.top / "dest/valence").symlink_to(TOP)
        self.conf_dir = self.top / "etc/valence"
        self.api_port, self.sim_port = free_ports(2)
        self.calls = self.top / "calls"
        self.environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("OS_", "VALENCE_"))
            },
            "CALLS": str(self.calls),
            "HERE": str(STANDIN),
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "SERVICE_HOST": f"127.0.0.1:{self.api_port}",
            "TOP": str(self.top),
        }
        self.addCleanup(self.kill)
        self.configure()

    def configure(self, *lines: str) -> None:
        """Write local.conf: the sample, and more lines."""
        (self.top / "local.conf").write_text(
            "\n".join(
                (
                    (PLUGIN / "local.conf.sample").read_text(),
                    f"VALENCE_CONF_DIR={self.conf_dir}",
                    f"VALENCE_SIM_PORT={self.sim_port}",
                    *lines,
                    "",
                )
            )
        )

    def devstack(
        self, *words: str, status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a part of DevStack; it has to end with this status."""
        self.calls.write_text("")
        done = subprocess.run(
            ("bash", STANDIN / "devstack", self.top / "local.conf", *words),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        said = f"{words}: {done.returncode}\n{done.stdout}\n{self.logs()}"
        self.assertEqual(status, done.returncode, said)
        return done

    def logs(self) -> str:
        return "\n".join(
            f"-- {path.name}\n{path.read_text()[-3000:]}"
            for path in (self.top / "run").glob("*.log")
        )

    def called(self) -> set[str]:
        """Functions of DevStack that were called."""
        return {line.split()[0] for line in self.calls.open()}

    def pids(self) -> dict[str, int]:
        """The processes that run."""
        return {
            path.stem: int(path.read_text())
            for path in (self.top / "run").glob("*.pid")
        }

    def kill(self) -> None:
        for pid in self.pids().values():
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def made(self) -> list[str]:
        """What is there beside DevStack itself and its logs."""
        return sorted(
            str(path.relative_to(self.top))
            for path in self.top.rglob("*")
            if path.parts[len(self.top.parts)]
            not in ("calls", "clouds.yaml", "dest", "local.conf", "run")
        )


class TestContract(DevStackCase):
    """What the plugin does, and does not, without any service."""

    #: What reading the settings takes, and asking what is enabled.
    ASKING = {
        "define_plugin",
        "disable_service",
        "enable_plugin",
        "enable_service",
        "get_python_exec_prefix",
        "is_service_enabled",
    }

    def test_nothing_runs_unless_it_is_enabled(self) -> None:
        self.configure(f"disable_service {' '.join(PARTS)}")
        for words in (
            *(("stack", phase) for phase in PHASES),
            ("unstack",),
            ("clean",),
        ):
            self.devstack(*words)
            self.assertLessEqual(self.called(), self.ASKING, words)
        self.assertEqual([], self.made())

    def test_other_phases_are_nothing_to_it(self) -> None:
        for words in (
            ("stack", "frobnicate"),
            ("override_defaults",),
            ("source",),
            ("install",),
        ):
            self.devstack(*words)
            self.assertLessEqual(self.called(), self.ASKING, words)
        self.assertEqual([], self.made())

    def test_what_cannot_work_is_said_before_anything_is_done(self) -> None:
        for line, said in (
            ("ENABLED_SERVICES=,mysql,rabbit", "enable_service key"),
            ("DATABASE_TYPE=", "enable_service mysql"),
            ("disable_service valence-cond", "enable_service valence-cond"),
        ):
            self.configure(line)
            done = self.devstack("stack", "pre-install", status=1)
            self.assertIn(said, done.stdout)
        self.assertEqual([], self.made())
        self.configure()
        self.devstack("stack", "pre-install")

    def test_only_functions_of_devstack_are_called(self) -> None:
        # What was never called in a test would be found here.
        listed = subprocess.run(
            (
                "bash",
                "-c",
                f"source {STANDIN}/functions; compgen -A function",
            ),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split()
        devstacks = {name for name in listed if not name.startswith("_")}
        text = ""
        for name in ("plugin.sh", "settings", "lib/valence"):
            text += (PLUGIN / name).read_text()
        text = re.sub(r"^\s*#.*|\\\n", "", text, flags=re.M)
        own = set(re.findall(r"^function (\w+) ", text, re.M))
        # What stands at the beginning of a command.
        used = set(
            re.findall(
                r"(?:^|\$\(|&&|\|\||\b(?:if|elif|then|else|!))[ \t]*"
                r"(?!if|elif|then|else|fi|function|done)([a-z_][a-z_0-9-]*)"
                r"(?=[ \n)])",
                text,
                re.M,
            )
        )
        self.assertIn("write_uwsgi_config", used)
        self.assertEqual(set(), used - own - devstacks - SHELL)
        # And nothing is of DevStack that only the stand-in knows.
        self.assertEqual(set(), own & devstacks)

    def test_linters_find_nothing(self) -> None:
        # pre-commit knows only executables and *.sh for shell.
        files = [
            PLUGIN / "lib/valence",
            PLUGIN / "plugin.sh",
            PLUGIN / "settings",
            STANDIN / "devstack",
            STANDIN / "functions",
        ]
        for linter in (("shellcheck", "-x"), ("bashate", "-e", "E005,E042")):
            done = subprocess.run(
                (processes.path_of(linter[0]), *linter[1:], *files),
                cwd=TOP,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self.assertEqual((0, ""), (done.returncode, done.stdout))

    def test_each_setting_says_what_it_is(self) -> None:
        settings = (PLUGIN / "settings").read_text()
        names = set(re.findall(r"^(VALENCE_\w+)=", settings, re.M))
        for paragraph in settings.split("\n\n"):
            if re.search(r"^VALENCE_", paragraph, re.M):
                self.assertRegex(paragraph, r"\A# [A-Z]")
        # Each is used, and keeps what local.conf has set.
        lib = (PLUGIN / "lib/valence").read_text()
        for name in names:
            self.assertIn(f"{name}=${{{name}:-", settings)
            use = name.replace("VALENCE_USE_", "VALENCE_USE_${1^^} # ")
            self.assertTrue(
                re.search(rf"\b{name}\b", lib) or use.split(" # ")[0] in lib,
                name,
            )


class TestPlugin(DevStackCase):
    """Installed, stopped, installed again and removed."""

    def setUp(self) -> None:
        super().setUp()
        self.keystone = self.useFixture(Keystone())
        self.database = self.useFixture(services.Database("mysql"))
        clouds = self.top / "clouds.yaml"
        login = {
            "auth_url": self.keystone.auth_url,
            "username": "admin",
            "password": self.keystone.admin_password,
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        clouds.write_text(
            yaml.safe_dump(
                {
                    "clouds": {
                        "devstack-admin": {
                            "auth": login,
                            "region_name": "RegionOne",
                        }
                    }
                }
            )
        )
        self.environ |= {
            "DATABASE_URL": self.database.url,
            "KEYSTONE_PASSWORD": self.keystone.admin_password,
            "KEYSTONE_SERVICE_URI": self.keystone.url,
            "OS_CLIENT_CONFIG_FILE": str(clouds),
            "TRANSPORT_URL": self.useFixture(services.Vhost()).url,
        }

    def openstack(self, words: str) -> list[dict[str, object]] | None:
        """Run a command as the administrator; what it lists, if it does."""
        done = subprocess.run(
            (
                processes.path_of("openstack"),
                "--os-cloud=devstack-admin",
                *words.split(),
                *((" list" in words) * ("-f=json",)),
            ),
            env=self.environ,
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stderr + self.logs())
        return json.loads(done.stdout) if " list" in words else None

    def test_its_life(self) -> None:
        self.devstack("stack")
        self.check_configuration()
        self.check_accounts()
        self.check_service()

        # A phase again, while all runs: what is there stays.
        before = self.pids()
        self.devstack("stack", "extra")
        self.assertEqual(before, self.pids())
        self.assertEqual(1, len(self.openstack("pod manager list")))

        keys = (self.conf_dir / "secret-keys/1").read_bytes()
        self.devstack("unstack")
        self.assertEqual({}, self.pids())
        for pid in before.values():
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)

        self.devstack("stack")
        self.assertEqual(set(PARTS), set(self.pids()))
        self.check_configuration()
        self.check_accounts()
        # The database is a new one, the keys are the old ones.
        (pod,) = self.openstack("pod manager list")
        self.assertEqual("Online", pod["status"])
        self.assertEqual(keys, (self.conf_dir / "secret-keys/1").read_bytes())

        last = self.pids()
        self.devstack("clean")
        self.assertEqual({}, self.pids())
        for pid in last.values():
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)
        # What is left is other services'.
        self.assertEqual(
            ["apache", "data", "etc", "tempest.conf"],
            self.made(),
        )
        # And again, with nothing there.
        self.devstack("unstack")
        self.devstack("clean")

    def check_configuration(self) -> None:
        path = self.conf_dir / "valence.conf"
        # There are passwords in it.
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        read = configparser.ConfigParser(interpolation=None)
        read.read(path)
        self.assertEqual(self.database.url, read["database"]["connection"])
        self.assertEqual("True", read["placement"]["enabled"])
        admin = ["admin", "manager", "member", "reader"]
        for section, wanted, of_system in (
            ("keystone_authtoken", ["service"], False),
            # Less would not do to delete nodes there: test_ironic_access.
            ("ironic", admin, True),
            ("placement", ["service"], False),
        ):
            login = {
                name: value
                for name, value in read[section].items()
                if name.startswith(
                    ("auth_url", "user", "pass", "project", "system")
                )
            }
            auth = loading.get_plugin_loader("password").load_from_options(
                **login
            )
            access = auth.get_access(ksa_session.Session())
            self.assertEqual(wanted, sorted(access.role_names), section)
            self.assertEqual(of_system, access.system_scoped, section)
        tempest = configparser.ConfigParser()
        tempest.read(self.top / "tempest.conf")
        self.assertEqual("True", tempest["service_available"]["valence"])

    def check_accounts(self) -> None:
        """Each is there once, however often it was asked for."""
        (service,) = self.keystone.request(
            "GET", "/v3/services?type=composition"
        )["services"]
        self.assertEqual("valence", service["name"])
        endpoints = self.keystone.request(
            "GET", f"/v3/endpoints?service_id={service['id']}"
        )["endpoints"]
        self.assertEqual(
            ["admin", "internal", "public"],
            sorted(one["interface"] for one in endpoints),
        )
        self.assertEqual(
            {f"http://127.0.0.1:{self.api_port}/composition"},
            {one["url"] for one in endpoints},
        )

    def check_service(self) -> None:
        """By the catalog and behind its prefix, as an administrator."""
        self.assertEqual(set(PARTS), set(self.pids()))
        # What the guide shows.
        shown = [
            command.removeprefix("openstack ")
            for command, _ in test_docs.commands("install/devstack")
            if not command.startswith("source openrc")
        ]
        self.assertEqual(3, len(shown))
        (pods, *_) = [self.openstack(command) for command in shown]
        self.assertEqual(
            [("simulated", "Online")],
            [(pod["name"], pod["status"]) for pod in pods],
        )
        # The sample has a larger one.
        log = self.top / "run/valence-sim.log"
        self.assertIn(" 16 systems", log.read_text())
