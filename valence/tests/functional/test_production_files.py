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

"""Each file for hosts by itself, and what the guide says of it."""

import configparser
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess

import fixtures

from valence.cmd import launch
from valence.conf import api as api_conf
from valence.conf import conductor as conductor_conf
from valence.conf import pod_manager as pod_manager_conf
from valence.tests import base
from valence.tests.fixtures import units
from valence.tests.functional import production


class TestFiles(base.TestCase):
    """Each of the files by itself, and what the page says of them."""

    def test_each_is_shipped(self) -> None:
        shipped = configparser.ConfigParser()
        shipped.read(production.TOP / "setup.cfg")
        listed = set(
            re.findall(r"etc/valence/\S+\.\S+", shipped["files"]["data_files"])
        )
        there = {
            str(path.relative_to(production.TOP))
            for path in units.ETC.rglob("*")
            if path.is_file()
            and not path.match("*.sample")
            and not path.match("*-generator.conf")
            and path.name != "README.rst"
        }
        self.assertEqual(there, listed)

    def test_each_command_of_the_page_is_run_or_the_hosts(self) -> None:
        found = production.commands()
        for command in (*production.RUN_BEFORE, *production.RUN_AFTER):
            found.pop(command)
        for command, printed in found.items():
            self.assertEqual("", printed, command)
            self.assertRegex(
                command, production.HOSTS, "a test has to run this"
            )
        # What they name is there.
        page = production.PAGE.read_text()
        names = re.findall(r"/opt/valence/etc/valence/([\w.-][\w./-]+)", page)
        names += re.findall(r" (systemd/[\w.-]+)", page)
        names += re.findall(r"literalinclude:: \S*/etc/valence/(\S+)", page)
        self.assertEqual(10, len(names))
        for name in names:
            self.assertTrue((units.ETC / name).is_file(), name)

    def test_units_run_what_is_installed(self) -> None:
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        written = []
        for path in (units.ETC / "systemd").glob("*.service"):
            text = units.placed(
                f"systemd/{path.name}", {production.BIN: production.HERE}
            )
            service = units.parsed(text)["Service"]
            for name in ("ExecStartPre", "ExecStart", "ExecStop"):
                for command in service.get(name, ()):
                    program = shlex.split(command)[0]
                    self.assertTrue(os.access(program, os.X_OK), program)
            written.append(directory / path.name)
            written[-1].write_text(text)
        self.assertEqual(2, len(written))
        if shutil.which("systemd-analyze"):
            done = subprocess.run(
                ("systemd-analyze", "--man=no", "verify", *written),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            said = [
                line
                for line in done.stdout.splitlines()
                if any(path.name in line for path in written)
            ]
            self.assertEqual((0, []), (done.returncode, said), done.stdout)

    def test_only_the_service_reads_its_directories(self) -> None:
        files = units.ETC / "systemd"
        said = re.findall(
            r"^d (\S+) (\d+) (\w+) (\w+)$",
            (files / "valence.tmpfiles").read_text(),
            re.M,
        )
        self.assertEqual(
            ("/etc/valence/secret-keys", "0700", "valence", "valence"),
            said[-1],
        )
        if shutil.which("systemd-tmpfiles") is None or os.geteuid():
            return
        root = self.useFixture(fixtures.TempDir()).path
        os.mkdir(f"{root}/etc")
        for program, *arguments in (
            ("systemd-sysusers", files / "valence.sysusers"),
            ("systemd-tmpfiles", "--create", files / "valence.tmpfiles"),
        ):
            subprocess.run(
                (program, f"--root={root}", *arguments),
                check=True,
                stderr=subprocess.DEVNULL,
            )
        passwd = pathlib.Path(f"{root}/etc/passwd").read_text()
        valence = int(passwd.split(":")[2])
        for path, mode, user, group in said:
            found = os.stat(f"{root}{path}")
            ids = {"root": 0, "valence": valence}
            self.assertEqual(
                (int(mode, 8), ids[user], ids[group]),
                (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid),
                path,
            )

    def test_who_waits_for_whom(self) -> None:
        conductor, api = (
            units.parsed((units.ETC / f"systemd/{name}.service").read_text())
            for name in ("valence-conductor", "valence-api")
        )
        uwsgi = configparser.ConfigParser()
        uwsgi.read(units.ETC / "uwsgi.ini")
        mercy = uwsgi.getint("uwsgi", "worker-reload-mercy")
        (timeout,) = re.findall(
            r"timeout server (\d+)s", (units.ETC / "haproxy.cfg").read_text()
        )
        api_options, conductor_options, pod_options = (
            {opt.dest: opt.default for opt in group.OPTS}
            for group in (api_conf, conductor_conf, pod_manager_conf)
        )
        for shorter, longer in (
            (
                conductor_options["drain_timeout"]
                + pod_options["timeout"]
                + launch._MARGIN,
                conductor["Service"]["TimeoutStopSec"][0],
            ),
            (api_options["max_wait"], mercy),
            (mercy, api["Service"]["TimeoutStopSec"][0]),
            (api_options["max_wait"], timeout),
            (api_options["max_waiting"], uwsgi.getint("uwsgi", "threads")),
        ):
            self.assertLess(int(shorter), int(longer))
