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
"""Secrets go in and never come out: not in logs, answers, errors or rows."""

from valence.tests.functional import deployed  # isort: skip
import base64
import pathlib
import typing
import urllib.parse
import uuid

import fixtures
from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence import objects
from valence.db import engine
from valence.db import models
from valence.simulator import Pod
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services


def secret() -> str:
    """One that stands nowhere by chance, and that people might choose."""
    return f"S3cret'{uuid.uuid4().hex}\\/&%\"é"


def forms(word: str) -> set[str]:
    """What a secret may look like where somebody wrote it down."""
    return {
        word,
        repr(word)[1:-1],
        urllib.parse.quote(word),
        urllib.parse.quote_plus(word),
        # Its core is free of what is quoted here and there.
        word.removeprefix("S3cret'")[:32],
        # Basic authentication, as after "Authorization: Basic".
        base64.b64encode(f"admin:{word}".encode()).decode().rstrip("="),
    }


class Watch:
    """Hands out secrets, and sees that nobody wrote one down."""

    def setUp(self) -> None:
        super().setUp()
        self.secrets: list[str] = []

    def _secret(self) -> str:
        word = secret()
        self.secrets.append(word)
        return word

    def _assert_clean(self, text: str, where: str) -> None:
        for word in self.secrets:
            for form in forms(word):
                place = text.find(form)
                if place >= 0:
                    around = text[max(0, place - 300) : place + 100]
                    self.fail(f"a secret stands in {where}: {around}")

    def _assert_rows_are_clean(self) -> None:
        """Not even what was deleted, where the database is a file."""
        with engine.reading() as connection:
            for name in models.metadata.tables:
                rows = connection.execute(sa.text(f"SELECT * FROM {name}"))
                self._assert_clean(str(rows.all()), f"table {name}")
        url = sa.make_url(self.deployment.database.url)
        if url.get_backend_name() == "sqlite":
            file = pathlib.Path(str(url.database))
            for path in file.parent.glob(f"{file.name}*"):
                text = path.read_bytes().decode("utf-8", "replace")
                self._assert_clean(text, path.name)


class Secrets(Watch):
    # All libraries log all that they ever log.
    options: typing.ClassVar[processes.Options] = {
        "DEFAULT": {"default_log_levels": "sqlalchemy=DEBUG"},
        "database": {"connection_debug": 100},
    }

    def _pod(self, **spec: typing.Any) -> Pod:
        return self.pod(password=self._secret(), **spec)

    def _authentication(self, word: str) -> list[dict[str, object]]:
        return [
            {
                "type": "basic",
                "auth_items": {"username": "admin", "password": word},
            }
        ]

    def _whole_life(self, client: environment.Client) -> None:
        """All that can be done, and much that goes wrong."""
        pod = self._pod(systems=3)
        podm_id = self.register(pod)
        self.composed(podm_id, "one")
        for action in (
            {"Reset": {"Type": "On"}},
            {"Boot": {"Target": "Pxe"}},
        ):
            client.post("/v1/nodes/one/action", action, wait=60)
        for fault in (
            {"point": "allocate", "status": 500},
            {"point": "allocate", "cut": "before"},
            {"point": "allocate", "body": "html"},
            {"point": "assemble", "state": "failed"},
            {"point": "assemble", "status": 401},
        ):
            pod.faults.add(**fault)
            client.post(
                "/v1/nodes", {"name": "bad", "podm_id": podm_id}, wait=60
            )
        # A password that is wrong, is changed to another, and then right.
        path = f"/v1/pod_managers/{podm_id}"
        for word in (self._secret(), pod.spec.password):
            client.patch(
                path,
                [
                    {
                        "op": "replace",
                        "path": "/authentication/0/auth_items/password",
                        "value": word,
                    }
                ],
                wait=60,
                Content_Type="application/json-patch+json",
            )
        self.assertEqual("Online", client.get(path).json["status"])
        client.post(
            "/v1/pod_managers",
            {
                "name": "wrong",
                "url": pod.url.replace("127.0.0.1", "localhost"),
                "authentication": self._authentication(self._secret()),
            },
            wait=60,
        )
        self.assertEqual(
            "Error", client.get("/v1/pod_managers/wrong").json["status"]
        )
        self._refused(client, pod)
        client.delete("/v1/nodes/one", wait=60)

    def _refused(self, client: environment.Client, pod: Pod) -> None:
        """Bodies with secrets in them that are not accepted."""
        good = deployed.registration(pod)
        host = urllib.parse.urlsplit(pod.url).netloc
        quoted = urllib.parse.quote(self._secret(), safe="")
        for body in (
            {**good, "name": "other", "password": self._secret()},
            {**good, "name": "other", "authentication": self._secret()},
            {**good, "authentication": self._authentication(self._secret())},
            {
                **good,
                "name": "other",
                "url": f"http://admin:{quoted}@{host}",
            },
            {
                **good,
                "name": "other",
                "authentication": [
                    {"type": "basic", "auth_items": self._secret()}
                ],
            },
            {
                **good,
                "name": "other",
                "authentication": [
                    {
                        "type": "basic",
                        "auth_items": {
                            "username": "admin",
                            "password": self._secret(),
                            "passwort": self._secret(),
                        },
                    }
                ],
            },
            f'{{"password": "{self.secrets[0]}", }}'.encode(),
        ):
            answer = client.post("/v1/pod_managers", body)
            self.assertIn(answer.status, (400, 409), answer)

    def test_none_comes_out(self) -> None:
        self._whole_life(self.api)
        for path in (
            "/v1/pod_managers",
            "/v1/operations",
            "/v1/nodes",
            "/v1/systems",
        ):
            for row in self.api.get(path).json:
                if "uuid" in row:
                    self.api.get(f"{path}/{row['uuid']}")
        for answer in self.api.answers:
            self._assert_clean(f"{answer.headers} {answer.text}", "an answer")
        for operation in objects.Operation.find(self.context):
            self._assert_clean(repr(operation), "an operation")
        for daemon in self.deployment.daemons:
            text = ""
            for path in pathlib.Path(daemon.directory).glob("*.log"):
                text += path.read_text()
            if daemon in self.deployment.conductors:
                for library in (
                    "amqp",
                    "sqlalchemy.engine",
                    "sushy",
                    "urllib3",
                ):
                    self.assertIn(f" DEBUG {library}", text)
            self._assert_clean(text, daemon.name)
        self._assert_rows_are_clean()

    def test_a_row_that_is_refused(self) -> None:
        """PostgreSQL shows the whole of it; there is no secret in it."""
        log = self.useFixture(fixtures.FakeLogger())
        word = self._secret()
        error = self.assertRaises(db_exc.DBError, self._insert_half, word)
        self._assert_clean(str(error), "an error")
        self._assert_clean(log.output, "the log")

    @staticmethod
    def _insert_half(word: str) -> None:
        items = {"username": "admin", "password": word}
        with engine.writing() as connection:
            connection.execute(
                sa.insert(models.POD_MANAGERS).values(
                    authentication=[{"type": "basic", "auth_items": items}]
                )
            )


class TestOnSQLite(Secrets, deployed.DeployedCase):
    database = "sqlite"


class TestOnPostgreSQL(Secrets, deployed.DeployedCase):
    database = "postgresql"


class TestOnMariaDB(Secrets, deployed.DeployedCase):
    database = "mysql"

    def test_with_the_database_away(self) -> None:
        """What the database says when it fails quotes no values."""
        database = services.MariaDB()
        database.setUp()
        self.addCleanup(database.cleanUp)
        options = processes.merged(
            self.deployment.options,
            {"database": {"connection": database.url, "max_retries": 1}},
        )
        processes.run("valence-dbsync", options, "upgrade")
        api = self.useFixture(processes.Api(options))
        client = api.client()
        word = self._secret()
        body = {
            "name": "x",
            "url": "http://127.0.0.1:1",
            "authentication": self._authentication(word),
        }
        self.assertEqual(202, client.post("/v1/pod_managers", body).status)
        self.assertEqual(409, client.post("/v1/pod_managers", body).status)
        database.stop()
        body["name"] = "y"
        answer = client.post("/v1/pod_managers", body)
        self.assertEqual(503, answer.status, answer)
        self._assert_clean(answer.text, "an answer")
        self._assert_clean(api.log_file.read_text(), "the log")
