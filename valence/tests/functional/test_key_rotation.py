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

"""Keys are rotated while the service works, on each database."""

import collections
import concurrent.futures
import dataclasses
import os
import threading
import time

from valence import keys
from valence import objects
from valence.db import secrets
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.functional import deployed
from valence.tests.functional.test_secrets_at_rest import PASSWORD
from valence.tests.functional.test_secrets_at_rest import WORD
from valence.tests.functional.test_secrets_at_rest import authentication
from valence.tests.functional.test_secrets_at_rest import kept
from valence.tests.functional.test_secrets_at_rest import replace


class Load:
    """Clients that go on until they are told to stop; a context manager.

    :ivar words: the passwords that pod managers ended with, by name
    :ivar asked: how much was done
    """

    def __init__(self, deployment: processes.Deployment) -> None:
        self._deployment = deployment
        self._ended = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(8)
        self._work: list[concurrent.futures.Future[int]] = []
        self._begun: list[object] = []
        #: How often each has done all that it does.
        self._rounds: collections.Counter[object] = collections.Counter()
        self.words: dict[str, str] = {}
        self.asked = 0

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._pool.shutdown()

    def check(self) -> None:
        """Fail where one of them has failed."""
        for one in self._work:
            if one.done():
                self.asked += one.result()

    def go_on(self) -> None:
        """Wait until all that is under way now has ended, and more."""
        before = self._rounds.copy()

        def look() -> bool:
            self.check()
            return all(self._rounds[one] > before[one] for one in self._begun)

        processes.poll(look, "each has done it once more")

    def write(self, number: int) -> None:
        self._begun.append(number)
        self._work.append(self._pool.submit(self._write, number))

    def use(self, podm_id: str) -> None:
        self._begun.append(podm_id)
        self._work.append(self._pool.submit(self._use, podm_id))

    def _write(self, number: int) -> int:
        """Register, change and delete what nobody listens at."""
        apis = self._deployment.apis
        client = apis[number % len(apis)].client()
        count = 0
        while not self._ended.is_set():
            name = f"w{number}-{count}"
            self._live(client, name, stays=count % 2 == 0)
            count += 1
            self._rounds[number] = count
        return count

    def _live(
        self, client: environment.Client, name: str, *, stays: bool
    ) -> None:
        path = f"/v1/pod_managers/{name}"
        last = f"{WORD}{name}y"
        answers = [
            client.post(
                "/v1/pod_managers",
                {
                    "name": name,
                    "url": f"http://127.0.0.1:1/{name}",
                    "authentication": authentication(WORD + name),
                },
                wait=60,
            ),
            client.patch(path, replace(PASSWORD, f"{WORD}{name}x"), wait=60),
            client.patch(path, replace(PASSWORD, last), wait=60),
            client.patch(path, replace("/location", "here")),
            client.get("/v1/pod_managers"),
        ]
        if stays:
            self.words[name] = last
        else:
            answers.append(client.delete(path))
        for answer in answers:
            assert answer.status in (200, 204), answer

    def _use(self, podm_id: str) -> int:
        """Have conductors log in, again and again."""
        client = self._deployment.apis[0].client()
        count = 0
        while not self._ended.is_set():
            answer = client.post(f"/v1/pod_managers/{podm_id}/sync", wait=60)
            assert answer.status == 200, answer
            assert answer.json["state"] == "succeeded", answer
            count += 1
            self._rounds[podm_id] = count
        return count


class Rotation:
    conductors = 2
    apis = 2

    def setUp(self) -> None:
        super().setUp()
        self.directory = str(
            self.deployment.options["secrets"]["key_repository"]
        )

    def test_under_load(self) -> None:
        """Nothing fails, nothing is lost, nothing is left under an old key."""
        real = []
        for kind in ("basic", "session"):
            pod = self.pod(dialect="2.5", systems=1, password=WORD + kind)
            given = authentication(pod.spec.password, kind)
            real.append(self.register(pod, authentication=given))
        first = keys.current().primary.fingerprint
        with Load(self.deployment) as load:
            for number in range(4):
                load.write(number)
            for podm_id in real:
                load.use(podm_id)
            for _ in range(3):
                load.go_on()
                keys.rotate(self.directory)
                secrets.encrypt()
                secrets.retire(load.go_on)
                load.check()
        load.check()
        self.assertGreater(load.asked, 20)
        self.assertGreater(len(load.words), 3)
        now = keys.current()
        self.assertEqual(2, len(now.all))
        self.assertNotEqual(first, now.primary.fingerprint)
        found = secrets.survey(decrypting=True)
        self.assertEqual([now.primary.fingerprint], list(found.keys))
        self.assertEqual((0, []), (found.plain, found.damaged))
        for name, word in load.words.items():
            podm = objects.PodManager.get(self.context, name)
            (entry,) = secrets.opened(podm, "authentication")
            self.assertEqual(word, entry["auth_items"]["password"])
            podm.destroy()
        for operation in objects.Operation.find(self.context):
            if operation.podm_id in real:
                self.assertEqual("succeeded", operation.state, operation)
        for daemon in self.deployment.daemons:
            self.assertNotIn(WORD, daemon.log_file.read_text())

    def test_changed_credentials_are_used_by_every_conductor(self) -> None:
        for kind in ("basic", "session"):
            pod = self.pod(dialect="2.5", systems=1, password=WORD + "1")
            podm_id = self.register(
                pod, authentication=authentication(WORD + "1", kind)
            )
            path = f"/v1/pod_managers/{podm_id}"
            self.by_each_conductor(path)
            pod.spec = dataclasses.replace(pod.spec, password=WORD + "2")
            pod.sessions.clear()
            answer = self.api.patch(
                path, replace(PASSWORD, WORD + "2"), wait=60
            )
            self.assertEqual("Online", answer.json["status"], answer)
            pod.calls.clear()
            self.by_each_conductor(path)
            refused = [
                call
                for call in pod.calls
                # Logging out of a session that has ended is in vain.
                if call.status == 401 and call.method != "DELETE"
            ]
            self.assertEqual([], refused)
            # Each conductor logs out of what it has no more use for.
            self.assertEqual(
                self.conductors if kind == "session" else 0, len(pod.sessions)
            )
            gone = self.api.delete(path)
            self.assertEqual(204, gone.status, gone)
            processes.poll(
                lambda p=pod: not p.sessions, "the conductors log out"
            )

    def by_each_conductor(self, path: str) -> None:
        """Sync until each conductor has done it."""
        hosts: set[str] = set()
        until = time.monotonic() + 30
        while len(hosts) < self.conductors:
            answer = self.api.post(f"{path}/sync", wait=60)
            self.assertEqual(200, answer.status, answer)
            self.assertEqual("succeeded", answer.json["state"], answer)
            hosts.add(answer.json["conductor"])
            self.assertLess(time.monotonic(), until, hosts)


class TestOnSQLite(Rotation, deployed.DeployedCase):
    database = "sqlite"


class TestOnMariaDB(Rotation, deployed.DeployedCase):
    database = "mysql"


class TestOnPostgreSQL(Rotation, deployed.DeployedCase):
    database = "postgresql"


class TestCommand(deployed.DeployedCase):
    """What operators type, and what they read."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = str(
            self.deployment.options["secrets"]["key_repository"]
        )

    def command(self, *words: str, status: int = 0) -> str:
        done = processes.run(
            "valence-secrets", self.deployment.options, *words, check=False
        )
        self.assertEqual(status, done.returncode, done.stdout)
        return done.stdout

    def test_retire_waits_for_what_is_needed(self) -> None:
        pod = self.pod(systems=1, password=WORD)
        self.register(pod)
        self.command("rotate")
        old = len(keys.current().old)
        said = self.command("retire", "--wait", "0", status=1)
        self.assertIn("Run 'valence-secrets migrate'", said)
        self.assertEqual(old, len(keys.current().old))
        self.command("migrate")
        shown = self.command("show")
        self.assertRegex(shown, r"primary .* 1\n")
        self.assertRegex(shown, r"staged .* 0\n")
        self.command("retire", "--wait", "0")
        self.assertEqual([], keys.current().old)
        self.assertIn("no old key", self.command("retire"))

    def test_a_lost_key(self) -> None:
        """Nobody starts with it missing, until somebody says it is lost."""
        pod = self.pod(systems=1, password=WORD)
        podm_id = self.register(pod)
        old = keys.current().primary
        self.command("rotate")
        path = os.path.join(self.directory, str(old.number))
        aside = self.directory + "-aside"
        os.rename(path, aside)
        for program in ("valence-conductor", "valence-api"):
            done = processes.run(program, self.deployment.options, check=False)
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn(f"the key {old.fingerprint} is missing", done.stdout)
            self.assertIn(f"pod manager pod-{pod.port}", done.stdout)
            self.assertNotIn("Traceback", done.stdout)
        done = processes.run(
            "valence-status",
            self.deployment.options,
            "upgrade",
            "check",
            check=False,
        )
        self.assertEqual(2, done.returncode, done.stdout)
        said = self.command("migrate", status=1)
        self.assertIn(f"{old.fingerprint}, which is missing", said)
        self.command("forget", "00000000", status=1)
        # Put back, nothing was lost.
        before = kept(podm_id)
        os.rename(aside, path)
        self.command("forget", old.fingerprint, status=1)
        self.assertEqual(before, kept(podm_id))
        self.command("migrate")
        # Lost for good.
        new = keys.current().primary
        self.command("rotate")
        os.unlink(os.path.join(self.directory, str(new.number)))
        said = self.command("forget", new.fingerprint)
        self.assertIn(f"pod manager pod-{pod.port}", said)
        secrets.check()
        shown = self.api.get(f"/v1/pod_managers/{podm_id}").json
        (entry,) = shown["authentication"]
        self.assertIsNone(entry["auth_items"]["password"])
        answer = self.api.patch(
            f"/v1/pod_managers/{podm_id}", replace(PASSWORD, WORD), wait=60
        )
        self.assertEqual("Online", answer.json["status"], answer)
