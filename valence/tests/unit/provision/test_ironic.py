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
"""The ways of a node through Ironic's states, those that are rare too.

Its client is replaced at the edge: no Ironic cleans for an hour here.
"""

import typing

from ironicclient import exc
from oslo_config import cfg

from valence import exception
from valence.provision import base
from valence.provision.ironic import IronicProvisioner
from valence.tests import base as test_base
from valence.tests.unit.provision.test_mapping import NODE
from valence.tests.unit.provision.test_mapping import wanted

CONF = cfg.CONF

#: State → verb → the states that it goes through, one with each look.
WAYS = {
    ("enroll", "manage"): ["verifying", "verifying", "manageable"],
    ("manageable", "provide"): ["cleaning", "clean wait", "available"],
    ("available", "manage"): ["manageable"],
    ("clean failed", "manage"): ["manageable"],
    ("inspect failed", "manage"): ["manageable"],
    ("clean wait", "abort"): ["clean failed"],
    ("deploy failed", "deleted"): ["deleting", "cleaning", "available"],
}


class Resource:
    def __init__(self, info: dict[str, typing.Any]) -> None:
        self._info = info

    def to_dict(self) -> dict[str, typing.Any]:
        return dict(self._info)


class Ironic:
    """One node, and what is asked about it.

    :ivar states: those that it goes through, the first being that it is in
    """

    def __init__(self, *states: str, **info: typing.Any) -> None:
        self.states = list(states)
        self.info = {"uuid": NODE, "maintenance": False, **info}
        self.asked: list[str] = []
        self.ways = dict(WAYS)
        self.refusals: dict[str, Exception] = {}
        self.node = self
        self.port = self

    def _act(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refusals:
            raise self.refusals.pop(what)

    def get(self, uuid: str) -> Resource:
        if not self.states:
            raise exc.NotFound("no such node")
        shown = {**self.info, "provision_state": self.states[0]}
        if len(self.states) > 1:
            self.states.pop(0)
        return Resource(shown)

    def set_provision_state(self, uuid: str, verb: str) -> None:
        self._act(verb)
        way = self.ways.get((self.states[0], verb))
        if way is None:
            raise exc.BadRequest(f"no {verb} from {self.states[0]}")
        self.states = list(way)

    def set_maintenance(
        self, uuid: str, on: bool, reason: str | None = None
    ) -> None:
        self._act(f"maintenance {on}")
        self.info["maintenance"] = on

    def delete(self, uuid: str) -> None:
        self._act("delete")
        if self.states[0] not in (
            "enroll",
            "manageable",
            "available",
            "adopt failed",
        ):
            raise exc.Conflict(f"not while {self.states[0]}")
        self.states = []

    def list(self, **_options: typing.Any) -> list[Resource]:
        return []


class Progress:
    """Notes what it is told, and does not wait."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.paused = 0.0
        self.warnings: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)

    def pause(self, seconds: float) -> None:
        self.paused += seconds

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class ProvisionerCase(test_base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.progress = Progress()
        self.conf.set(
            "ironic",
            status_code_retries=2,
            state_timeout=60,
            poll_interval=0.1,
        )

    def provisioner(
        self, *states: str, **info: typing.Any
    ) -> IronicProvisioner:
        self.ironic = Ironic(*states, **info)
        made = IronicProvisioner(CONF)
        made._requests._client._made = self.ironic
        self.addCleanup(made.close)
        return made


class TestBring(ProvisionerCase):
    def test_all_the_way(self) -> None:
        provisioner = self.provisioner("enroll")
        state = provisioner.bring(NODE, "available", self.progress)
        self.assertEqual("available", state)
        self.assertEqual(["manage", "provide"], self.ironic.asked)
        self.assertEqual(["manage", "provide"], self.progress.steps)

    def test_no_further_than_is_wanted(self) -> None:
        for start, target, asked in (
            ("enroll", "enroll", []),
            ("enroll", "manageable", ["manage"]),
            ("manageable", "available", ["provide"]),
            ("available", "manageable", []),
            ("active", "available", []),
            ("deploy failed", "available", []),
            ("clean failed", "enroll", []),
        ):
            provisioner = self.provisioner(start)
            provisioner.bring(NODE, target, self.progress)
            self.assertEqual(asked, self.ironic.asked, start)

    def test_taken_up_in_the_middle(self) -> None:
        for states, asked in (
            (("verifying", "manageable"), ["provide"]),
            (("cleaning", "available"), []),
            (("clean wait", "cleaning", "available"), []),
        ):
            provisioner = self.provisioner(*states)
            state = provisioner.bring(NODE, "available", self.progress)
            self.assertEqual("available", state)
            self.assertEqual(asked, self.ironic.asked)

    def test_ironic_says_no(self) -> None:
        for way, words in (
            (["verifying", "enroll"], "it is enroll: bad BMC"),
            (["verifying", "manageable"], "it is clean failed: bad BMC"),
        ):
            provisioner = self.provisioner("enroll", last_error="bad BMC")
            self.ironic.ways["enroll", "manage"] = way
            self.ironic.ways["manageable", "provide"] = [
                "cleaning",
                "clean failed",
            ]
            error = self.assertRaises(
                exception.ProvisionerError,
                provisioner.bring,
                NODE,
                "available",
                self.progress,
            )
            self.assertIn(words, str(error))

    def test_too_slow(self) -> None:
        provisioner = self.provisioner("cleaning")
        self.conf.set("ironic", state_timeout=0.1)
        error = self.assertRaises(
            exception.ProvisionerTimeout,
            provisioner.bring,
            NODE,
            "available",
            self.progress,
        )
        self.assertIn("it is cleaning", str(error))

    def test_gone(self) -> None:
        provisioner = self.provisioner()
        error = self.assertRaises(
            exception.ProvisionerError,
            provisioner.bring,
            NODE,
            "available",
            self.progress,
        )
        self.assertEqual(404, error.status)


class TestLeave(ProvisionerCase):
    def leave(self, *states: str, **info: typing.Any) -> None:
        self.provisioner(*states, **info).leave(NODE, self.progress)

    def refused(self, *states: str, **info: typing.Any) -> str:
        provisioner = self.provisioner(*states, **info)
        error = self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
        )
        self.assertNotEqual([], self.ironic.states)
        return str(error)

    def test_at_rest(self) -> None:
        for state in ("enroll", "manageable", "available", "adopt failed"):
            self.leave(state)
            self.assertEqual(["delete"], self.ironic.asked)

    def test_by_way_of_manageable(self) -> None:
        for state in ("clean failed", "inspect failed"):
            self.leave(state)
            self.assertEqual(["manage", "delete"], self.ironic.asked)

    def test_gone(self) -> None:
        self.leave()
        self.assertEqual([], self.ironic.asked)

    def test_what_ends_soon_is_waited_for(self) -> None:
        self.leave("verifying", "verifying", "enroll")
        self.assertEqual(["delete"], self.ironic.asked)

    def test_in_use(self) -> None:
        for state in (
            "active",
            "deploying",
            "wait call-back",
            "deploy failed",
            "error",
            "deleting",
            "cleaning",
            "clean wait",
            "clean hold",
            "inspecting",
            "adopting",
            "rescue",
            "servicing",
            "something new",
        ):
            self.assertIn(f"the node is {state}", self.refused(state))
            self.assertEqual([], self.ironic.asked)
        self.assertIn(
            "has the instance i-7",
            self.refused("available", instance_uuid="i-7"),
        )

    def test_taken_while_it_leaves(self) -> None:
        """Somebody deploys between the look and the request."""
        provisioner = self.provisioner("available")
        self.ironic.refusals["delete"] = exc.Conflict("it has an instance")

        def taken() -> None:
            self.ironic.states = ["deploying"]

        delete = self.ironic.delete

        def racing(uuid: str) -> None:
            try:
                delete(uuid)
            finally:
                taken()

        self.ironic.delete = racing  # type: ignore[method-assign]
        error = self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
        )
        self.assertIn("deploying", str(error))

    def test_an_ironic_that_deletes_nothing_available(self) -> None:
        provisioner = self.provisioner("available")
        self.ironic.refusals["delete"] = exc.Conflict("not while available")
        provisioner.leave(NODE, self.progress)
        self.assertEqual(["delete", "manage", "delete"], self.ironic.asked)

    def test_locked_for_good(self) -> None:
        provisioner = self.provisioner("manageable")

        def locked(uuid: str) -> None:
            self.ironic.asked.append("delete")
            raise exc.Conflict("Node x is locked by host y, please retry")

        self.ironic.delete = locked  # type: ignore[method-assign]
        error = self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
        )
        self.assertIn("locked by", str(error))
        self.assertEqual(3, len(self.ironic.asked))

    def test_protected(self) -> None:
        provisioner = self.provisioner("manageable")
        self.ironic.refusals["delete"] = exc.Forbidden("Node x is protected")
        self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
        )


class TestTearDown(ProvisionerCase):
    def test_a_deployment_that_failed(self) -> None:
        provisioner = self.provisioner("deploy failed", instance_uuid="i")
        # Ironic takes the instance off as it tears down.
        way = self.ironic.set_provision_state

        def tear_down(uuid: str, verb: str) -> None:
            way(uuid, verb)
            self.ironic.info["instance_uuid"] = None

        self.ironic.set_provision_state = tear_down  # type: ignore[method-assign]
        provisioner.leave(NODE, self.progress, tear_down=True)
        self.assertEqual(
            ["maintenance True", "deleted", "maintenance False", "delete"],
            self.ironic.asked,
        )
        self.assertEqual(["tear down in ironic"], self.progress.steps)

    def test_not_what_works_again_by_then(self) -> None:
        provisioner = self.provisioner("deploy failed", "deploying", "active")
        error = self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
            tear_down=True,
        )
        self.assertIn("active", str(error))
        self.assertEqual(
            ["maintenance True", "maintenance False"], self.ironic.asked
        )

    def test_nothing_else_is_torn_down(self) -> None:
        provisioner = self.provisioner("active")
        self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.leave,
            NODE,
            self.progress,
            tear_down=True,
        )
        self.assertEqual([], self.ironic.asked)


class TestWithdraw(ProvisionerCase):
    def test_what_was_begun_is_waited_for_or_stopped(self) -> None:
        for states, asked in (
            (("verifying", "enroll"), ["delete"]),
            (("cleaning", "clean wait"), ["abort", "manage", "delete"]),
            (("cleaning", "available"), ["delete"]),
            (("inspecting", "manageable"), ["delete"]),
        ):
            provisioner = self.provisioner(*states)
            provisioner.withdraw(NODE, None, self.progress)
            self.assertEqual(asked, self.ironic.asked)

    def test_what_somebody_has_taken_stays(self) -> None:
        provisioner = self.provisioner("active", instance_uuid="i")
        self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.withdraw,
            NODE,
            None,
            self.progress,
        )
        self.assertEqual(["active"], self.ironic.states)

    def test_what_comes_late(self) -> None:
        """The request to make it was still on its way."""
        self.conf.set("ironic", settle_time=30)
        provisioner = self.provisioner()

        def pause(seconds: float) -> None:
            self.ironic.states = ["enroll"]

        self.progress.pause = pause  # type: ignore[method-assign]
        provisioner.withdraw(NODE, None, self.progress, unanswered=True)
        self.assertEqual(["delete"], self.ironic.asked)

    def test_what_never_was(self) -> None:
        self.conf.set("ironic", settle_time=0)
        provisioner = self.provisioner()
        provisioner.withdraw(NODE, None, self.progress, unanswered=True)
        provisioner.withdraw(
            NODE, base.Before(ports=[], traits=[]), self.progress
        )
        self.assertEqual([], self.ironic.asked)


class TestErrors(ProvisionerCase):
    def named(self, error: Exception) -> exception.ProvisionerError:
        provisioner = self.provisioner("enroll")

        def fails(client: object) -> None:
            raise error

        return self.assertRaises(
            exception.ProvisionerError,
            provisioner._requests.call,
            fails,
            ["geheim"],
        )

    def test_names(self) -> None:
        error = exception.ProvisionerError
        conflict = exception.ProvisionerConflict
        nobody = exception.ProvisionerAuthFailure
        unusable = exception.ProvisionerNotConfigured
        for raised, kind, status, passing in (
            (exc.BadRequest("x"), exception.ProvisionerBadRequest, 400, False),
            (exc.NotFound("x"), error, 404, False),
            (exc.Conflict("x"), conflict, 409, False),
            (exc.Conflict("Node x is locked by host y"), conflict, 409, True),
            (exc.Unauthorized("x"), nobody, 502, False),
            (exc.ServiceUnavailable("x"), error, 502, True),
            (exc.UnsupportedVersion("x"), unusable, 503, False),
            (exc.InvalidAttribute("x"), error, 502, True),
        ):
            named = self.named(raised)
            self.assertIsInstance(named, kind)
            self.assertEqual(
                (status, passing), (named.status, named.passing), repr(raised)
            )

    def test_no_secret_is_quoted(self) -> None:
        named = self.named(
            exc.BadRequest("Schema error:\n 'geheim' is \0 no address.")
        )
        self.assertEqual(
            "Ironic refused the request: Schema error: '***' is no address",
            str(named),
        )

    def test_a_name_that_is_taken_is_told_from_other_conflicts(self) -> None:
        provisioner = self.provisioner()
        self.ironic.create = self.conflict  # type: ignore[attr-defined]
        error = self.assertRaises(
            exception.ProvisionerConflict,
            provisioner.enroll,
            wanted(),
            self.progress,
        )
        self.assertIn("for another reason", str(error))
        self.assertEqual(["create web-1"], self.ironic.asked)

    def conflict(self, **values: typing.Any) -> None:
        self.ironic.asked.append(f"create {values['name']}")
        raise exc.Conflict("for another reason")


del ProvisionerCase
