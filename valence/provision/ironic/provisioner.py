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

"""Takes nodes into Ironic, and out of it again.

Sources: Ironic's API reference, "Nodes" and "Ports", and its documentation,
"Ironic's State Machine".
"""

import time
import typing

from oslo_config import cfg

from valence import exception
from valence.drivers.base import Progress
from valence.provision import base
from valence.provision.ironic import mapping
from valence.provision.ironic import requests
from valence.provision.ironic.client import Absent

Document = dict[str, typing.Any]

ENROLL = "enroll"
VERIFYING = "verifying"
MANAGEABLE = "manageable"
AVAILABLE = "available"
DEPLOY_FAILED = "deploy failed"
#: A node without an instance can be deleted in these.
_DELETABLE = frozenset({ENROLL, MANAGEABLE, AVAILABLE, "adopt failed"})
#: From these it becomes manageable again for the asking.
_FAILED = frozenset({"clean failed", "inspect failed"})
#: A node comes out of these by itself, and nobody is using it.
_CLEANING = frozenset({"cleaning", "clean wait", "deleting"})
_INSPECTING = frozenset({"inspecting", "inspect wait"})
#: What is to be known of each node in a list.
_LISTED = ["uuid", "provision_state", "last_error"]


class IronicProvisioner(base.Provisioner):
    """Ironic, with nodes that have the uuids of Valence's nodes.

    So a request that is made twice makes one node, and none has to be looked
    for by anything that can change.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._requests = requests.Requests(conf)

    def close(self) -> None:
        """Requests: none."""
        self._requests.close()

    # -- taking in -----------------------------------------------------------

    def before(self, uuid: str, progress: Progress) -> base.Before | None:
        """Requests: 1, or 2 for a node that is there."""
        node = self._requests.node(uuid, progress)
        if node is None:
            return None
        return base.Before(
            ports=[
                port["address"]
                for port in self._requests.ports_of(uuid, progress)
            ],
            traits=list(node.get("traits") or []),
        )

    def enroll(self, wanted: base.Enrollment, progress: Progress) -> None:
        """Requests: 4 (a look, the node, its ports, whether it is valid) and
        each port and trait; 2 more where the node is there, or is that of
        a project."""
        node, is_new = self._requests.insist(
            lambda: self._made(wanted), progress
        )
        self._complete(wanted, node, progress)
        if not is_new or wanted.project_id:
            self._change(wanted, progress, reach=not is_new)
        self._warn_of(wanted, progress)

    def update(self, wanted: base.Enrollment, progress: Progress) -> None:
        """Requests: 3 (the node, twice, and its ports) and each change."""
        node = self._requests.insist(
            lambda: self._requests.get(wanted.uuid), progress
        )
        self._complete(wanted, node, progress)
        self._change(wanted, progress, reach=False)

    def _made(self, wanted: base.Enrollment) -> tuple[Document, bool]:
        """The node, and whether it was made here and now."""
        node = self._requests.find(wanted.uuid)
        if node is not None:
            return node, False
        name, another = mapping.names(wanted)
        try:
            return self._create(wanted, name), True
        except exception.ProvisionerConflict as e:
            if e.passing:
                raise
            # An earlier try may have made it, whose answer was lost; or
            # another node has the name.
            node = self._requests.find(wanted.uuid)
            if node is not None:
                return node, False
            if name == another or self._requests.find(name) is None:
                raise
        return self._create(wanted, another), True

    def _create(self, wanted: base.Enrollment, name: str) -> Document:
        values = mapping.new(wanted, name)
        return requests.document(
            self._requests.call(
                lambda c: c.node.create(**values), mapping.secrets(wanted)
            ),
            "uuid",
        )

    def _change(
        self, wanted: base.Enrollment, progress: Progress, *, reach: bool
    ) -> None:
        """Change the node where it differs.

        Last of all: until then it tells which traits were Valence's.
        """

        def change() -> None:
            present = self._requests.get(wanted.uuid)
            patch = mapping.changes(wanted, present, reach=reach)
            if patch:
                self._requests.call(
                    lambda c: c.node.update(wanted.uuid, patch),
                    mapping.secrets(wanted),
                )

        self._requests.insist(change, progress)

    def _complete(
        self, wanted: base.Enrollment, present: Document, progress: Progress
    ) -> None:
        """Add the ports and traits that are missing, drop what is not wanted.

        Only what Valence put there is ever dropped.
        """
        uuid, asked = wanted.uuid, self._requests
        there = {
            port["address"].lower(): port
            for port in asked.ports_of(uuid, progress)
        }
        if wanted.ports is not None:
            kept = {port.address.lower(): port for port in wanted.ports}
            for address, port in kept.items():
                if address not in there:
                    progress.step(f"create port {address}")
                    self._create_port(wanted, port, progress)
            for address, known in there.items():
                if address not in kept and mapping.is_ours(wanted, known):
                    progress.step(f"delete port {address}")
                    asked.delete_port(known["uuid"], progress)
        new, old = mapping.traits(wanted, present)
        for trait in new:
            progress.step(f"add trait {trait}")
            self._add_trait(uuid, trait, progress)
        for trait in old:
            progress.step(f"remove trait {trait}")
            asked.remove_trait(uuid, trait, progress)

    def _add_trait(self, uuid: str, trait: str, progress: Progress) -> None:
        self._requests.change(
            lambda c: c.node.add_trait(uuid, trait), progress
        )

    def _create_port(
        self, wanted: base.Enrollment, port: base.Port, progress: Progress
    ) -> None:
        values = mapping.new_port(wanted, port)

        def create() -> None:
            try:
                requests.document(
                    self._requests.call(lambda c: c.port.create(**values)),
                    "uuid",
                )
            except exception.ProvisionerConflict as e:
                # An earlier try may have made it, whose answer was lost.
                there = {
                    known["address"].lower()
                    for known in self._requests.ports(wanted.uuid)
                }
                if e.passing or port.address.lower() not in there:
                    raise

        self._requests.insist(create, progress)

    def _warn_of(self, wanted: base.Enrollment, progress: Progress) -> None:
        """Tell what Ironic finds wrong with how it is to reach the node.

        What a deployment needs besides is for whoever deploys to say.
        """
        try:
            found = requests.document(
                self._requests.insist(
                    lambda: self._requests.call(
                        lambda c: c.node.validate(wanted.uuid)
                    ),
                    progress,
                )
            )
        except exception.ProvisionerError as e:
            # No reason to take a good node out again.
            progress.warn(f"Whether the node is valid is not known: {e}")
            return
        for kind in ("power", "management"):
            outcome = found.get(kind)
            if isinstance(outcome, dict) and outcome.get("result") is False:
                said = str(outcome.get("reason") or "it does not say why")
                for secret in mapping.secrets(wanted):
                    said = said.replace(secret, "***")
                progress.warn(
                    f"Ironic cannot use the {kind} interface of the node: "
                    f"{said[:500]}"
                )

    def bring(self, uuid: str, target: str, progress: Progress) -> str:
        """Requests: each look, and one for each change of the state."""
        wanted = base.TARGETS.index(target)
        deadline = self._deadline()
        verbs = {ENROLL: "manage"} if wanted > 0 else {}
        if wanted > 1:
            verbs[MANAGEABLE] = "provide"
        asked: set[str] = set()
        while True:
            node = self._requests.insist(
                lambda: self._requests.get(uuid), progress
            )
            state: str = node["provision_state"]
            verb = verbs.get(state)
            if verb in asked or (verbs and state in _FAILED):
                raise _failed(node, target)
            if verb is not None:
                progress.step(verb)
                if self._requests.ask_for_state(uuid, verb, state, progress):
                    asked.add(verb)
                continue
            if not verbs or state not in {VERIFYING, *_CLEANING, *_INSPECTING}:
                return state
            self._wait(deadline, target, state, progress)

    # -- taking out ----------------------------------------------------------

    def withdraw(
        self,
        uuid: str,
        before: base.Before | None,
        progress: Progress,
        *,
        unanswered: bool = False,
    ) -> None:
        """Requests: as of ``leave``; where it was there before, 2 and each
        port and trait."""
        if before is None:
            if unanswered:
                self._settle(uuid, progress)
            self._remove(uuid, progress, patient=True)
            return
        for port in self._requests.ports_of(uuid, progress):
            if port["address"] not in before.ports:
                self._requests.delete_port(port["uuid"], progress)
        node = self._requests.node(uuid, progress) or {}
        for trait in node.get("traits") or []:
            if trait not in before.traits:
                self._requests.remove_trait(uuid, trait, progress)

    def leave(
        self, uuid: str, progress: Progress, *, tear_down: bool = False
    ) -> None:
        """Requests: 3 (a look, the deletion, another look) at best."""
        self._remove(uuid, progress, tear_down=tear_down)

    def _settle(self, uuid: str, progress: Progress) -> None:
        """Wait for a node whose making may still be on its way."""
        options = self._requests.options
        until = time.monotonic() + options.settle_time
        while self._requests.node(uuid, progress) is None:
            if time.monotonic() >= until:
                return
            progress.pause(options.poll_interval)

    def _remove(
        self,
        uuid: str,
        progress: Progress,
        *,
        patient: bool = False,
        tear_down: bool = False,
    ) -> None:
        """Delete the node, by way of states that allow it.

        :param patient: wait for what Ironic is doing with it
        """
        deadline = self._deadline()
        while True:
            node = self._requests.node(uuid, progress)
            if node is None:
                return
            state = node["provision_state"]
            if state in _DELETABLE and not node.get("instance_uuid"):
                gone = self._delete(uuid, state, progress)
                if gone and self._requests.node(uuid, progress) is None:
                    return
            elif state in _FAILED:
                self._requests.ask_for_state(uuid, "manage", state, progress)
            elif state == DEPLOY_FAILED and tear_down:
                progress.step("tear down in ironic")
                self._tear_down(uuid, progress)
                patient = True
            elif patient and state == "clean wait":
                self._requests.ask_for_state(uuid, "abort", state, progress)
            elif state != VERIFYING and not (
                patient and state in _CLEANING | _INSPECTING
            ):
                raise _in_use(node)
            self._wait(deadline, "free to go", state, progress)

    def _delete(self, uuid: str, state: str, progress: Progress) -> bool:
        """Whether Ironic says that it is gone; False to look in a while."""
        try:
            self._requests.change(lambda c: c.node.delete(uuid), progress)
        except Absent:
            return True
        except exception.ProvisionerConflict as e:
            now = self._requests.node(uuid, progress)
            if now is None:
                return True
            if now["provision_state"] != state or now.get("instance_uuid"):
                return False
            if state != AVAILABLE or e.passing:
                raise
            # Some Ironics are told not to delete what is available.
            self._requests.ask_for_state(uuid, "manage", state, progress)
            return False
        return True

    def _tear_down(self, uuid: str, progress: Progress) -> None:
        """Undo a deployment that failed, and none that did not.

        In maintenance nobody can deploy to the node. So what is failed at
        the second look is not another's server by the time it is undone.
        """
        reason = "Valence takes it back: its deployment failed."
        self._requests.change(
            lambda c: c.node.set_maintenance(uuid, True, reason), progress
        )
        try:
            self._requests.ask_for_state(
                uuid, "deleted", DEPLOY_FAILED, progress, seen=False
            )
        finally:
            self._requests.change(
                lambda c: c.node.set_maintenance(uuid, False), progress
            )

    # -- waiting, following --------------------------------------------------

    def _deadline(self) -> float:
        return time.monotonic() + float(self._requests.options.state_timeout)

    def _wait(
        self, deadline: float, wanted: str, state: str, progress: Progress
    ) -> None:
        if time.monotonic() >= deadline:
            raise exception.ProvisionerTimeout(
                wanted=wanted,
                seconds=self._requests.options.state_timeout,
                state=state,
            )
        progress.pause(self._requests.options.poll_interval)

    def list_nodes(
        self, uuids: typing.Collection[str]
    ) -> dict[str, base.Seen]:
        """Requests: one for each page, of all nodes that there are."""
        wanted = set(uuids)
        nodes = self._requests.call(
            lambda c: c.node.list(limit=0, fields=_LISTED)
        )
        found = {}
        for one in nodes:
            node = requests.document(one, "provision_state")
            if node.get("uuid") in wanted:
                state = node["provision_state"]
                found[node["uuid"]] = base.Seen(
                    state=state,
                    deploy_failed=state == DEPLOY_FAILED,
                    reason=node.get("last_error"),
                )
        return found


def _failed(node: Document, target: str) -> exception.ProvisionerError:
    said = str(node.get("last_error") or "it does not say why")[:1000]
    return exception.ProvisionerError(
        f"The node did not become {target} in Ironic, it is "
        f"{node['provision_state']}: {said}"
    )


def _in_use(node: Document) -> exception.ProvisionerConflict:
    reason = f"the node is {node['provision_state']}"
    if node.get("instance_uuid"):
        reason += f" and has the instance {node['instance_uuid']}"
    # What it is used for is for its user to know.
    return exception.ProvisionerConflict(
        reason=reason, public=f"Ironic refused: {reason}"
    )
