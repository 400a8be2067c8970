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

"""What the tests of real processes have in common."""

import contextlib
import datetime
import re
import threading
import typing

import sqlalchemy as sa
import testtools.content
import webob

from valence.tests import base  # isort: skip - chooses the threads
from valence import context
from valence import exception
from valence import objects
from valence.db import accounts
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.simulator import Pod
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import leaks
from valence.tests.fixtures import processes


class Gate:
    """Holds requests to a pod before they act, until it is opened.

    A fault with a delay would do so for a time; this does it for as long as
    the test wants.

    :param times: how many requests it holds; later ones pass
    """

    def __init__(
        self, pod: Pod, method: str, path: str, times: int = 1
    ) -> None:
        self._left = times
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.held = 0  #: how many it has held
        self._what = f"{method} {path} at {pod.name}"
        act = pod._act

        def gated(
            request: webob.Request, point: str | None, outcome: str | None
        ) -> webob.Response:
            if request.method == method and re.search(path, request.path):
                with self._lock:
                    hold = self._left > 0
                    self._left -= hold
                    self.held += hold
                if hold:
                    self._opened.wait(300)
            return act(request, point, outcome)

        pod._act = gated  # type: ignore[method-assign]

    def wait(self, count: int = 1) -> None:
        """Wait until requests stand before it."""
        processes.poll(lambda: self.held >= count, self._what)

    def open(self) -> None:
        self._opened.set()


class Agreement:
    """Looks for what hardware and rows do not agree about."""

    def assert_agreement(self, pod: Pod, podm_id: str) -> None:
        """Hardware and rows say the same, and nothing is left over."""
        rows = [
            node
            for node in objects.Node.find(self.context)
            if node.podm_id == podm_id and node.index is not None
        ]
        self.assertEqual(
            sorted((node.index, node.uuid) for node in rows),
            sorted((node.id, tag_of(node)) for node in pod.nodes),
        )
        self.assertEqual(
            len(pod.systems) - len(pod.nodes), len(pod.free_systems())
        )
        free = {system.id for system in pod.free_systems()}
        systems = objects.System.find(
            self.context, {"filters": {"podm_id": podm_id}}
        )
        self.assertEqual(len(pod.systems), len(systems))
        for system in systems:
            self.assertEqual(
                "free" if system.index in free else "in_use", system.state
            )


class DeployedCase(Agreement, base.TestCase):
    """A test beside processes that the tests of its class share."""

    database = "sqlite"
    conductors = 1
    apis = 1
    options: typing.ClassVar[processes.Options] = {}
    #: The url of a broker; None: a vhost of its own.
    broker: typing.ClassVar[str | None] = None
    deployment: typing.ClassVar[processes.Deployment]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.deployment = processes.Deployment(
            cls.database, cls.conductors, cls.apis, cls.options, cls.broker
        )
        cls.deployment.setUp()
        cls.addClassCleanup(cls.deployment.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(environment.Store(self.deployment.database.url))
        # What is written here is read there.
        self.conf.set("secrets", **self.deployment.options["secrets"])
        self.context = context.system_context()
        self.api = self.deployment.api
        self.addOnException(self._attach_logs)

    def _attach_logs(self, _exc_info: object) -> None:
        for daemon in self.deployment.daemons:
            self.addDetail(
                f"{daemon.name} {daemon.directory}",
                testtools.content.text_content(daemon.log()),
            )

    def pod(self, **spec: typing.Any) -> Pod:
        """Simulate a pod."""
        spec.setdefault("password", leaks.secret())
        (pod,) = self.useFixture(environment.Pods(PodSpec(**spec))).pods
        return pod

    def register(self, pod: Pod, **fields: typing.Any) -> str:
        """Register a pod and wait for it; returns the uuid."""
        answer = self.api.post(
            "/v1/pod_managers", registration(pod, **fields), wait=60
        )
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("Online", answer.json["status"], answer)
        self.addCleanup(self._forget, answer.json["uuid"])
        return typing.cast(str, answer.json["uuid"])

    def _forget(self, podm_id: str) -> None:
        """Leave neither work nor names to the next test."""
        for operation in objects.Operation.find(self.context):
            if operation.podm_id == podm_id and not operation.ended:
                self.ended(operation.uuid)
        for node in objects.Node.find(self.context):
            if node.podm_id in (podm_id, None):
                processes.poll(
                    lambda node=node: _gone(node), "nothing is held"
                )
        with contextlib.suppress(exception.NotFound):
            objects.PodManager.get(self.context, podm_id).destroy()

    def compose(
        self, podm_id: str, name: str, client: typing.Any = None
    ) -> str:
        """Ask for a node; returns the uuid of the operation."""
        answer = (client or self.api).post(
            "/v1/nodes", {"name": name, "podm_id": podm_id}
        )
        self.assertEqual(202, answer.status, answer)
        return operation_of(answer)

    def composed(self, podm_id: str, name: str) -> objects.Node:
        operation = self.ended(self.compose(podm_id, name))
        self.assertEqual("succeeded", operation.state, operation)
        return objects.Node.get(self.context, name)

    def ended(
        self, operation_id: str, seconds: float = environment.PATIENCE
    ) -> objects.Operation:
        """Wait for an operation, looking at its row."""

        def look() -> objects.Operation | None:
            found = objects.Operation.get(self.context, operation_id)
            return found if found.ended else None

        try:
            return processes.poll(look, "ended", seconds)
        except AssertionError:
            raise AssertionError(
                f"after {seconds} s still "
                f"{objects.Operation.get(self.context, operation_id)}"
            ) from None


class CrashCase(DeployedCase):
    """A conductor is killed, and its work is carried on."""

    def carry_on(self, operation_id: str) -> None:
        """Kill whoever works on the operation; see that others may."""
        raise NotImplementedError

    def killed(self, operation_id: str) -> processes.Conductor:
        """Kill the conductor that works on the operation."""
        operation = objects.Operation.get(self.context, operation_id)
        conductor = self.deployment.conductor(operation.conductor)
        conductor.kill()
        return conductor


class WithRestart:
    """The dead one starts again, before anybody takes it for dead."""

    database = "mysql"
    options = {"conductor": {"heartbeat_timeout": 600}}

    def carry_on(self, operation_id):
        self.killed(operation_id).start()


class WithSecond:
    """The dead one stays dead until the test is over.

    It is taken for dead at once; one that is merely slow is not.
    """

    database = "postgresql"
    conductors = 2
    options = {"conductor": {"heartbeat_timeout": 60}}

    def carry_on(self, operation_id):
        conductor = self.killed(operation_id)
        self.addCleanup(conductor.start)
        with engine.writing() as connection:
            connection.execute(
                sa.update(models.CONDUCTORS)
                .where(models.CONDUCTORS.c.host == conductor.host)
                .values(heartbeat_at=api.now() - datetime.timedelta(hours=1))
            )


def registration(pod: Pod, **fields: typing.Any) -> dict[str, typing.Any]:
    """What registers a pod."""
    return {
        "name": f"pod-{pod.port}",
        "url": pod.url,
        "authentication": [
            {
                "type": "basic",
                "auth_items": {
                    "username": pod.spec.username,
                    "password": pod.spec.password,
                },
            }
        ],
        **fields,
    }


def operation_of(answer: environment.Answer) -> str:
    """The uuid of the operation that an answer points to."""
    return answer.headers["Location"].rpartition("/")[2]


def tag_of(node: typing.Any) -> str:
    """The uuid that Valence wrote on a simulated node."""
    found = re.match(r"valence:(\S+)", node.description or "")
    return found[1] if found else f"no tag in {node.description!r}"


def _gone(node: objects.Node) -> bool:
    """Whether its row could be deleted: a conductor that has said what came
    of an operation may still be counting what its node has."""
    with engine.writing() as connection:
        accounts.give(connection, node.uuid)
    try:
        node.destroy()
    except exception.InUse:
        return False
    return True
