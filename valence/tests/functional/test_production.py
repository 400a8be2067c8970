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

"""The layout of the installation guide, from the files that it names.

Two hosts with the API under uWSGI, three with a conductor, RabbitMQ, MariaDB,
Keystone, and HAProxy in front: all on this machine.
"""

from valence.tests.functional import deployed  # isort: skip
import collections
import concurrent.futures
import configparser
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import fixtures
import requests

from valence import context
from valence import objects
from valence.simulator import PodSpec
from valence.simulator import tls
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services
from valence.tests.fixtures import units
from valence.tests.fixtures.daemon import free_ports
from valence.tests.fixtures.keystone import Keystone
from valence.tests.functional import production


class Load:
    """Somebody who asks again and again, and notes what is answered."""

    def __init__(self, url: str, token: str, ca: str) -> None:
        self.answers: collections.Counter[str] = collections.Counter()
        self._request = {
            "url": f"{url}/v1/pod_managers",
            "headers": {"X-Auth-Token": token},
            "verify": ca,
            "timeout": 60,
        }
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, daemon=True) for _ in range(2)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._end.wait(0.1):
            try:
                answer = requests.get(**self._request)
            except requests.RequestException as e:
                self.answers[type(e).__name__] += 1
            else:
                said = "" if answer.ok else answer.text
                self.answers[f"{answer.status_code}{said}"] += 1

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)


class TestLayout(deployed.Agreement, base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.database = self.useFixture(services.Database("mysql"))
        self.keystone = self.useFixture(Keystone())
        self.draining = {
            name: self.home / name / "draining" for name in ("api-1", "api-2")
        }
        # What is not the page's makes it quick, as in other tests.
        (config,) = (
            block
            for block in production.blocks("ini")
            if "[database]" in block
        )
        self.page = configparser.ConfigParser(interpolation=None)
        self.page.read_string(config)
        self.options = processes.merged(
            {name: dict(self.page[name]) for name in self.page.sections()},
            processes.QUICK,
            {
                "DEFAULT": {
                    "transport_url": self.useFixture(services.Vhost()).url
                },
                "database": {"connection": self.database.url},
                "keystone_authtoken": self.keystone.authtoken("valence"),
                "secrets": {"key_repository": f"{self.home}/secret-keys"},
                "oslo_policy": {"policy_file": f"{self.home}/policy.yaml"},
            },
        )
        scripts = self.home / "bin"
        scripts.mkdir()
        for program in ("valence-dbsync", "valence-secrets", "valence-status"):
            # As if the configuration were where it is by default.
            script = scripts / program
            script.write_text(
                f"#!/bin/sh\nexec {production.HERE}/{program} "
                f'--config-file {self.config("host", {})} "$@"\n'
            )
            script.chmod(0o755)
        self.environ = {
            **{k: v for k, v in os.environ.items() if k[:3] != "OS_"},
            "PATH": f"{production.HERE}:{os.environ['PATH']}",
        }
        for command in production.RUN_BEFORE:
            self.run_command(command, **{production.BIN: str(scripts)})
        self.useFixture(environment.Store(self.database.url))
        self.conf.set("secrets", **self.options["secrets"])
        self.context = context.system_context()

    def run_command(self, command: str, **here: str) -> None:
        """Run a command of the page; it prints what the page says."""
        printed = production.commands()[command]
        here["/etc/valence/secret-keys"] = f"{self.home}/secret-keys"
        for there, here_ in here.items():
            command = command.replace(there, here_)
            printed = printed.replace(there, here_)
        done = subprocess.run(
            ("bash", "-c", command),
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        self.assertEqual(0, done.returncode, f"{command}\n{done.stdout}")
        wanted = re.escape(printed).replace(r"\.\.\.", ".*")
        self.assertRegex(done.stdout.replace("\r", ""), rf"(?s)\A{wanted}")

    def conductor(self, number: int) -> units.Unit:
        name = f"conductor-{number}"
        text = units.placed(
            "systemd/valence-conductor.service",
            {production.BIN: production.HERE},
        )
        config = self.config(name, {"conductor": {"host": name}})
        return units.Unit(name, text, {}, "--config-file", config)

    def api(self, name: str, port: int) -> units.Unit:
        draining = self.draining[name]
        draining.parent.mkdir()
        uwsgi = self.home / f"{name}.ini"
        uwsgi.write_text(
            units.placed(
                "uwsgi.ini",
                {
                    "virtualenv = /opt/valence": f"virtualenv = {sys.prefix}",
                    "0.0.0.0:8181": f"127.0.0.1:{port}",
                    "processes = 4": "processes = 2",
                },
            )
        )
        there = self.page["healthcheck"]["disable_by_file_path"]
        text = units.placed(
            "systemd/valence-api.service",
            {
                production.BIN: production.HERE,
                "/etc/valence/uwsgi.ini": str(uwsgi),
                there: str(draining),
            },
        )
        config = self.config(
            name, {"healthcheck": {"disable_by_file_path": str(draining)}}
        )
        return units.Unit(name, text, {"VALENCE_CONFIG_FILE": config})

    def config(self, name: str, options: processes.Options) -> str:
        path = self.home / f"{name}.conf"
        path.write_text(
            processes.written(processes.merged(self.options, options))
        )
        return str(path)

    def proxy(self, ports: dict[str, int]) -> str:
        """Start it; returns the url."""
        (port,) = free_ports(1)
        proof = tls.self_signed(
            str(self.home / "cert"), str(self.home / "key"), ["127.0.0.1"]
        )
        self.ca = proof.certificate
        both = self.home / "composition.pem"
        both.write_text(
            pathlib.Path(proof.certificate).read_text()
            + pathlib.Path(proof.key).read_text()
        )
        url = f"https://127.0.0.1:{port}"
        config = units.placed(
            "haproxy.cfg",
            {
                "bind :443": f"bind 127.0.0.1:{port}",
                "/etc/haproxy/composition.pem": str(both),
                "192.0.2.11:8181": f"127.0.0.1:{ports['api-1']}",
                "192.0.2.12:8181": f"127.0.0.1:{ports['api-2']}",
            },
        )

        def answers() -> bool:
            try:
                return requests.get(
                    f"{url}/healthcheck", verify=self.ca, timeout=60
                ).ok
            except requests.RequestException:
                return False

        self.haproxy = self.useFixture(units.HAProxy(config, answers))
        return url

    def test_parts_stop_one_after_the_other_and_nobody_notices(self) -> None:
        ports = dict(zip(self.draining, free_ports(2), strict=True))
        conductors = [self.conductor(number) for number in (1, 2, 3)]
        apis = [self.api(name, port) for name, port in ports.items()]
        processes.start_all(self, [*conductors, *apis])
        # uWSGI listens before it can answer; a proxy that asks meanwhile
        # would take it for dead once that took too long.
        for port in ports.values():
            self.wait_for(port)
        url = self.proxy(ports)
        token = self.keystone.token()
        session = requests.Session()
        session.trust_env = False  # it may name other certificates
        session.verify = self.ca
        session.headers["X-Auth-Token"] = token
        self.addCleanup(session.close)

        self.keystone.service("composition", "valence", url)
        login = self.keystone.credentials(self.keystone.admin)
        self.environ |= {
            "CURL_CA_BUNDLE": self.ca,
            "OS_CACERT": self.ca,
            **{f"OS_{k.upper()}": str(v) for k, v in login.items()},
        }
        for command in production.RUN_AFTER:
            self.run_command(command, **{production.PUBLIC: url})
        lies = {
            "Forwarded": "proto=http;host=example.org",
            "X-Forwarded-Host": "example.org",
            "X-Forwarded-Prefix": "/elsewhere",
        }
        found = session.get(f"{url}/v1", headers=lies)
        links = found.json()["version"]["links"]
        self.assertEqual(f"{url}/v1", links[0]["href"].rstrip("/"))

        (pod,) = self.useFixture(environment.Pods(PodSpec())).pods
        answer = session.post(
            f"{url}/v1/pod_managers",
            json=deployed.registration(pod),
            headers={"Prefer": "wait=60"},
        )
        self.assertEqual("Online", answer.json().get("status"), answer.text)

        # Not sooner: the first requests to a Keystone, all at once, it may
        # answer 500.
        load = Load(url, token, self.ca)
        self.addCleanup(load.end)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # Who composes waits for it, at an API that is told to stop.
            gate = deployed.Gate(pod, "POST", "Allocate")
            composing = pool.submit(
                session.post,
                f"{url}/v1/nodes",
                json={"name": "node-1"},
                headers={"Prefer": "wait=60", "Idempotency-Key": "one"},
            )
            gate.wait()
            (operation,) = objects.Operation.find(
                self.context, {"filters": {"kind": "compose"}}
            )
            at_work = next(
                one for one in conductors if one.name == operation.conductor
            )
            holding = self.holding(ports)
            busy = next(one for one in apis if one.name == holding)
            stops = [pool.submit(one.terminate) for one in (busy, at_work)]
            processes.poll(self.draining[busy.name].exists, "draining")
            time.sleep(1)
            gate.open()
            self.assertEqual(200, composing.result().status_code)
            for stop in stops:
                stop.result()
            # systemd removes the directory of a unit that has stopped.
            self.draining[busy.name].unlink()
            busy.start()
            self.wait_for(ports[busy.name])
            processes.poll(
                lambda: (
                    self.proxied().count(f"/{busy.name} is UP")
                    == self.proxied().count(f"/{busy.name} is DOWN")
                ),
                "the proxy has seen that",
            )

            # Then the other one dies, and one more conductor stops.
            (other,) = (one for one in apis if one is not busy)
            left = [one for one in conductors if one is not at_work]
            other.stop()
            stop = pool.submit(left[0].terminate)
            released = session.delete(
                f"{url}/v1/nodes/node-1", headers={"Prefer": "wait=60"}
            )
            self.assertIn(released.status_code, (200, 204), released.text)
            stop.result()
        processes.poll(lambda: load.answers["200"] > 50, "many answers")
        load.end()

        told = [
            line for line in self.proxied().splitlines() if " 200 " not in line
        ]
        self.assertEqual(
            {"200"}, set(load.answers), (load.answers, "\n".join(told))
        )
        self.assertEqual([], objects.Node.find(self.context))
        (podm,) = objects.PodManager.find(self.context)
        self.assert_agreement(pod, podm.uuid)

    @staticmethod
    def wait_for(port: int) -> None:
        """Wait until an API serves."""

        def look() -> bool:
            try:
                return requests.get(
                    f"http://127.0.0.1:{port}/healthcheck", timeout=60
                ).ok
            except requests.RequestException:
                return False

        processes.poll(look, f"{port} serves")

    def holding(self, ports: dict[str, int]) -> str:
        """The API with a request that waits, and is there for a while."""
        seen = self.connections(ports)
        looks = 0
        while looks < 3 or len(seen) > 1:
            time.sleep(0.3)
            seen &= self.connections(ports)
            looks += 1
        return next(iter(seen))[0]

    def proxied(self) -> str:
        """What the proxy has told."""
        return pathlib.Path(self.haproxy.path("output.log")).read_text()

    @staticmethod
    def connections(ports: dict[str, int]) -> set[tuple[str, str]]:
        """Which API is spoken to, and from where; see proc_net_tcp(5)."""
        names = {f"{port:04X}": name for name, port in ports.items()}
        found = set()
        for line in pathlib.Path("/proc/net/tcp").read_text().split("\n")[1:]:
            _, local, remote, state = (line.split() or [":"] * 4)[:4]
            name = names.get(local.partition(":")[2])
            if name and state == "01":  # established
                found.add((name, remote))
        return found
