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

"""Secrets at rest: encrypted, rotated under load, never lost in silence."""

from valence.tests import base  # isort: skip - chooses the threads
import json
import os
import pathlib
import typing
import uuid

import fixtures
import sqlalchemy as sa

from valence import context
from valence import keys
from valence import objects
from valence.conductor.manager import ObjectEndpoint
from valence.db import engine
from valence.db import models
from valence.db import secrets
from valence.rpc import Serializer
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.functional import deployed

WORD = "s3cret-word"
PASSWORD = "/authentication/0/auth_items/password"


def authentication(word: str = WORD, kind: str = "basic") -> list[typing.Any]:
    items = {"username": "admin", "password": word}
    return [{"type": kind, "auth_items": items}]


def kept(podm_id: str) -> str:
    """What stands in the database."""
    table = models.POD_MANAGERS
    with engine.reading() as connection:
        found: str = connection.execute(
            sa.select(sa.type_coerce(table.c.authentication, sa.Text())).where(
                table.c.uuid == podm_id
            )
        ).scalar_one()
    return found


def keep(podm_id: str, document: typing.Any) -> str:
    """Put something there, as it is; returns it."""
    table = models.POD_MANAGERS
    text = json.dumps(document)
    with engine.writing() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.uuid == podm_id)
            .values(authentication=sa.literal(text, sa.Text()))
        )
    return text


def replace(path: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": path, "value": value}]


class TestRows(base.TestCase):
    """One conductor, one API, in this process."""

    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.directory = os.path.join(directory, "keys")
        keys.set_up(self.directory)
        self.conf.set("secrets", key_repository=self.directory)
        self.conf.set("pod_manager", sync_interval=0)
        self.env = self.useFixture(
            environment.Environment(PodSpec(password=WORD))
        )
        (self.pod,) = self.env.pods
        self.path = "/v1/pod_managers/pod-0"
        self.podm = self.env.register(0)

    def sync(self) -> dict[str, typing.Any]:
        answer = self.env.api.post(f"{self.path}/sync")
        return self.env.api.ended(answer)

    def patch(self, path: str, value: object) -> environment.Answer:
        return self.env.api.patch(self.path, replace(path, value), wait=60)

    def test_only_what_is_encrypted_is_kept(self) -> None:
        text = kept(self.podm["uuid"])
        self.assertNotIn(WORD, text)
        (entry,) = json.loads(text)
        self.assertEqual("admin", entry["auth_items"]["username"])
        self.assertEqual(
            {"key", "fernet"}, set(entry["auth_items"]["password"])
        )

    def test_what_is_read_is_not_decrypted(self) -> None:
        def decrypt(*args: object) -> typing.NoReturn:
            raise AssertionError("decrypted")

        self.useFixture(
            fixtures.MockPatchObject(keys.Keys, "decrypt", decrypt)
        )
        for path in ("/v1/pod_managers", self.path):
            answer = self.env.api.get(path)
            self.assertEqual(200, answer.status, answer)
            self.assertIn('"password": "***"', answer.text)
        # Nor where other things change.
        before = kept(self.podm["uuid"])
        self.assertEqual(200, self.patch("/location", "here").status)
        self.assertEqual(before, kept(self.podm["uuid"]))

    def test_masks_of_answers_leave_secrets_as_they_are(self) -> None:
        before = kept(self.podm["uuid"])
        shown = self.env.api.get(self.path).json["authentication"]
        for path, value in (
            ("/authentication", shown),
            (PASSWORD, "***"),
        ):
            answer = self.patch(path, value)
            self.assertEqual(200, answer.status, answer)
            self.assertEqual(before, kept(self.podm["uuid"]))
        self.pod.calls.clear()
        shown[0]["auth_items"]["username"] = "other"
        answer = self.patch("/authentication", shown)
        self.assertEqual("Error", answer.json["status"], answer)
        answer = self.patch("/authentication/0/auth_items/username", "admin")
        self.assertEqual("Online", answer.json["status"], answer)

    def test_a_mask_is_no_password(self) -> None:
        body = {
            "name": "new",
            "url": "http://127.0.0.1:1",
            "authentication": authentication("***"),
        }
        answer = self.env.api.post("/v1/pod_managers", body)
        self.assertEqual(400, answer.status, answer)
        self.assertIn(
            "'authentication.0.auth_items.password'", answer.error["detail"]
        )

    def test_rotation_makes_no_new_connection(self) -> None:
        self.assertEqual("succeeded", self.sync()["state"])
        connections = self.env.conductor._connections
        driver = connections._drivers[self.podm["uuid"]][1]
        keys.rotate(self.directory)
        self.assertEqual(1, secrets.encrypt())
        self.assertEqual("succeeded", self.sync()["state"])
        self.assertIs(driver, connections._drivers[self.podm["uuid"]][1])

    def test_a_conductor_that_stops_logs_out(self) -> None:
        (pod,) = self.useFixture(
            environment.Pods(PodSpec(dialect="2.5", password=WORD))
        ).pods
        answer = self.env.api.post(
            "/v1/pod_managers",
            {
                "name": "sessions",
                "url": pod.url,
                "authentication": authentication(kind="session"),
            },
            wait=60,
        )
        self.assertEqual("Online", answer.json["status"], answer)
        self.assertEqual(1, len(pod.sessions))
        # One that is silent holds up nobody.
        self.pod.stop()
        self.env.stop_conductor()
        self.assertEqual({}, pod.sessions)

    def test_one_that_cannot_be_decrypted_says_so(self) -> None:
        other = self.directory + "2"
        keys.set_up(other)
        stranger = keys.load(other)
        field = objects.PodManager.fields["authentication"]
        for reason, bad in (
            (
                f"with the key {stranger.primary.fingerprint}, which is not",
                stranger.encrypt(json.dumps(WORD)),
            ),
            (
                "it is damaged",
                {"key": keys.current().primary.fingerprint, "fernet": "x"},
            ),
        ):
            document = field.changed(authentication(), lambda *_: bad)  # noqa: B023
            text = keep(self.podm["uuid"], document)
            operation = self.sync()
            self.assertEqual("failed", operation["state"])
            self.assertEqual("secret.unreadable", operation["error_code"])
            self.assertIn(reason, operation["last_error"])
            podm = self.env.api.get(self.path).json
            self.assertEqual("Error", podm["status"])
            self.assertIn(reason, podm["status_reason"])
            self.assertEqual("***", _password(podm))
            # Nothing else that is done to it overwrites it.
            self.assertEqual(200, self.patch("/location", reason).status)
            self.assertEqual(0, secrets.encrypt())
            self.assertEqual(text, kept(self.podm["uuid"]))
            node = self.env.api.post(
                "/v1/nodes", {"name": "n", "podm_id": "pod-0"}
            )
            self.assertEqual(409, node.status, node)
            # Until it is set anew.
            answer = self.patch(PASSWORD, WORD)
            self.assertEqual("Online", answer.json["status"], answer)

    def test_rows_of_an_earlier_release(self) -> None:
        """They are read as they are, and encrypted by and by."""
        plain = keep(self.podm["uuid"], authentication())
        self.assertEqual("succeeded", self.sync()["state"])
        self.assertEqual(plain, kept(self.podm["uuid"]))
        self.assertNotIn(WORD, self.env.api.get(self.path).text)
        self.assertEqual(1, secrets.check().plain)
        self.assertEqual(1, secrets.encrypt(most=1))
        self.assertEqual(0, secrets.encrypt(most=1))
        self.assertNotIn(WORD, kept(self.podm["uuid"]))
        self.assertEqual(0, secrets.check().plain)
        self.assertEqual("succeeded", self.sync()["state"])
        # Not even in pages that are free now.
        file = pathlib.Path(self.env.store.url.removeprefix("sqlite:///"))
        secrets.scrub()
        for path in file.parent.glob(f"{file.name}*"):
            self.assertNotIn(WORD.encode(), path.read_bytes(), path)

    def test_secrets_of_other_nouns(self) -> None:
        podm = objects.PodManager.get(self.env.context, "pod-0")
        given = {"driver_info": {"password": WORD, "none": None}}
        operation = objects.Operation.asking(
            self.env.context, "sync", podm, podm.uuid, secrets=given
        )
        operation.create()
        with engine.reading() as connection:
            rows = connection.execute(sa.text("SELECT * FROM operations"))
            self.assertNotIn(WORD, str(rows.all()))
        new = keys.rotate(self.directory).primary.fingerprint
        self.assertEqual(2, secrets.encrypt())
        found = secrets.survey(decrypting=True)
        self.assertEqual({new: 2}, dict(found.keys))
        self.assertIn(f"operation {operation.uuid}", found.owners[new])
        operation = objects.Operation.get(self.env.context, operation.uuid)
        self.assertEqual(given, secrets.opened(operation, "secrets"))

    def test_many_rows(self) -> None:
        """Batches are many, and none is forgotten."""
        count = 2 * secrets.BATCH + 7
        for number in range(count):
            objects.PodManager(
                self.env.context,
                uuid=str(uuid.uuid4()),
                name=f"p{number}",
                url=f"http://127.0.0.1:1/{number}",
                driver="redfishv1",
                authentication=authentication(f"{WORD}{number}"),
                verify_ca=True,
                maintenance=False,
                status="Offline",
                capabilities=[],
                requirement_keys=[],
                sync_failures=0,
                hardware_nodes=[],
            ).create()
        new = keys.rotate(self.directory).primary.fingerprint
        self.assertEqual(10, secrets.encrypt(most=10))
        self.assertEqual(10, secrets.survey().keys[new])
        self.assertEqual(count + 1 - 10, secrets.encrypt())
        self.assertEqual({new: count + 1}, dict(secrets.survey().keys))
        for podm in objects.PodManager.find(self.env.context):
            (entry,) = secrets.opened(podm, "authentication")
            word = WORD + podm.name[1:] if podm.name[0:2] != "po" else WORD
            self.assertEqual(word, entry["auth_items"]["password"])


def _password(podm: dict[str, typing.Any]) -> str:
    return str(podm["authentication"][0]["auth_items"]["password"])


class TestBus(base.TestCase):
    """What goes over it where the API has no database and no keys."""

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(environment.Store())
        self.endpoint = ObjectEndpoint()
        self.context = context.system_context()
        self.sent: list[str] = []

    def answered(self, result: typing.Any) -> typing.Any:
        """What is sent back, and what is made of it there."""
        serializer = Serializer()
        wire = json.dumps(serializer.serialize_entity(self.context, result))
        self.sent.append(wire)
        return serializer.deserialize_entity(self.context, json.loads(wire))

    def test_secrets_go_to_conductors_and_never_back(self) -> None:
        podm = objects.PodManager(
            self.context,
            uuid=str(uuid.uuid4()),
            name="one",
            url="http://127.0.0.1:1",
            driver="redfishv1",
            authentication=authentication(),
            verify_ca=True,
            maintenance=False,
            status="Connecting",
            capabilities=[],
            requirement_keys=[],
            sync_failures=0,
            hardware_nodes=[],
        )
        operation = objects.Operation.asking(
            self.context, "connect", podm, podm.uuid
        )
        self.answered(
            self.endpoint.object_action(
                self.context, podm, "submit", [operation], {}
            )
        )
        versions = {"PodManager": objects.PodManager.VERSION}
        there = self.answered(
            self.endpoint.object_class_action_versions(
                self.context, "PodManager", "get", versions, ["one"], {}
            )
        )
        (listed,) = self.answered(
            self.endpoint.object_class_action_versions(
                self.context, "PodManager", "find", versions, [], {}
            )
        )
        for found in (there, listed):
            self.assertNotIn(WORD, repr(found))
            field = found.fields["authentication"]
            self.assertIn(
                '"***"', json.dumps(field.shown(found.authentication, True))
            )
        # It is changed there without its secret being known there.
        there._context = self.context
        there.name = "two"
        there.authentication = field.unmasked(
            field.masked(there.authentication), there.authentication
        )
        self.answered(
            self.endpoint.object_action(self.context, there, "save", [], {})
        )
        again = objects.PodManager.get(self.context, "two")
        self.assertEqual(
            authentication(), secrets.opened(again, "authentication")
        )
        for wire in self.sent:
            self.assertNotIn(WORD, wire)


class TestStandalone(base.TestCase):
    """It needs nothing to be set up, and loses nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.database = self.home / "valence.sqlite"
        self.keys = self.home / "valence.sqlite-keys"
        self.options: processes.Options = {
            **processes.QUICK,
            "database": {"connection": f"sqlite:///{self.database}"},
        }

    def test_has_keys_beside_its_database(self) -> None:
        (pod,) = self.useFixture(
            environment.Pods(PodSpec(systems=1, password=WORD))
        ).pods
        with processes.Standalone(self.options) as standalone:
            client = standalone.client()
            answer = client.post(
                "/v1/pod_managers", deployed.registration(pod), wait=60
            )
            self.assertEqual("Online", answer.json["status"], answer)
            self.assertEqual(0o700, self.keys.stat().st_mode & 0o777)
            self.assertEqual(["0", "1"], sorted(os.listdir(self.keys)))
            for path in self.keys.iterdir():
                self.assertEqual(0o600, path.stat().st_mode & 0o777)
            standalone.restart()
            answer = client.post(
                f"/v1/pod_managers/{answer.json['uuid']}/sync", wait=60
            )
            self.assertEqual("succeeded", answer.json["state"], answer)
            self.assertNotIn(WORD, standalone.log())
            self.assertNotIn(WORD, standalone.log_file.read_text())
            for path in self.home.glob("valence.sqlite*"):
                if path.is_file():
                    self.assertNotIn(WORD.encode(), path.read_bytes())
        # Without them it makes no others, which would be of no use.
        aside = self.home / "aside"
        self.keys.rename(aside)
        done = processes.run("valence-standalone", self.options, check=False)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("restore the keys", done.stdout)
        self.assertFalse(self.keys.exists())
        aside.rename(self.keys)
        os.chmod(self.keys / "1", 0o640)
        done = processes.run("valence-standalone", self.options, check=False)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("chmod 600", done.stdout)
