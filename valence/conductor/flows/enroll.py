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
"""Hand a node over to a provisioner, and take it back."""

import dataclasses
import typing

from oslo_config import cfg
from taskflow.patterns import linear_flow

from valence import exception
from valence import objects
from valence import states
from valence.conductor import enrollment
from valence.conductor.flows import base
from valence.conductor.flows import compose
from valence.conductor.run import Run
from valence.db import devices
from valence.db import secrets
from valence.objects.node import IRONIC
from valence.objects.node import VALENCE
from valence.provision import base as provision

CONF = cfg.CONF


def wanted(run: Run, asked: dict[str, typing.Any]) -> provision.Enrollment:
    """What the provisioner is to know of the node."""
    node = run.target
    podm = objects.PodManager.get(run.context, node.podm_id)
    systems = run.values.get("systems", node.systems)
    bmc = run.driver(node.podm_id).get_bmc(systems)
    return enrollment.of(
        node,
        run.values,
        podm,
        bmc,
        devices.with_node(run.operation, node),
        asked,
        (secrets.opened(run.operation, "secrets") or {}).get("driver_info"),
    )


class EnrollNodeTask(base.Step):
    """Have the provisioner take the node in; the other half takes it out.

    What the provisioner had of it before is written down first, and stays.

    :ivar out: it was taken out, by this attempt
    """

    out = False

    def do(self) -> None:
        self.out = False
        run, node = self.run, self.run.target
        asked = run.operation.arguments["enroll"]
        if run.operation.kind == "enroll":
            # Here, and no step of its own: what fails before this one is
            # begun does not come back through it.
            compose.ReadAssets(run).do()
        node_wanted = wanted(run, asked)
        self._warn_of(node_wanted)
        with run.elsewhere():
            provisioner = run.provisioner(IRONIC)
            if "found" not in run.operation.arguments:
                run.step("look in ironic")
                found = provisioner.before(node.uuid, run)
                run.operation.arguments = {
                    **run.operation.arguments,
                    "found": found and dataclasses.asdict(found),
                }
            run.step("enroll in ironic")
            values = {"managed_by": IRONIC}
            if node.provision_state == states.COMPOSING:
                values["provision_state"] = states.NODE.target(
                    states.COMPOSING, "composed"
                )
            run.save_target(**values)
            provisioner.enroll(node_wanted, run)
            state = provisioner.bring(
                node.uuid, asked.get("target") or CONF.ironic.target, run
            )
        run.values.update(
            provisioner_state=state, enrollment={**asked, "stale": 0}
        )

    def _warn_of(self, asked_for: provision.Enrollment) -> None:
        """Tell what its user would find out late."""
        if not asked_for.ports:
            self.run.warn(
                "No network interface of the node is known, so Ironic gets "
                "no port; name them in ports."
            )
        bmc = asked_for.bmc
        if bmc is not None and bmc.own_ca:
            self.run.warn(
                "Ironic is not given the ca_certificate of the pod manager: "
                "have its conductors trust it, or name a file of theirs in "
                "driver_info as verify_ca."
            )

    def undo(self) -> None:
        run, node = self.run, self.run.target
        if self.out or "found" not in run.operation.arguments:
            return  # nothing was asked for yet
        found = run.operation.arguments["found"]
        with run.elsewhere():
            run.step("take out of ironic")
            run.provisioner(IRONIC).withdraw(
                node.uuid,
                provision.Before(**found) if found else None,
                run,
                unanswered=run.resumed or getattr(run.error, "passing", False),
            )
        if node.provision_state != states.ENROLLED:
            run.save_target(managed_by=VALENCE)
        self.out = True


class UnenrollNodeTask(base.Step):
    """Have the provisioner let the node go.

    Nothing to undo: where it does not, the node stays what it was, and the
    hardware its own.
    """

    def do(self) -> None:
        run, node = self.run, self.run.target
        if node.managed_by == VALENCE:
            return
        if run.operation.arguments.get("force"):
            run.warn(
                "Ironic was not asked. If it has the node still, it goes on "
                "driving it; delete it there."
            )
        else:
            self._leave()
        values = {
            "managed_by": VALENCE,
            "provisioner_state": None,
            "enrollment": None,
        }
        if run.operation.kind == "release" and (
            node.provision_state == states.UNENROLLING
        ):
            values["provision_state"] = states.NODE.target(
                states.UNENROLLING, "left"
            )
        run.save_target(**values)

    def _leave(self) -> None:
        run, node = self.run, self.run.target
        with run.elsewhere():
            run.step(f"take out of {node.managed_by}")
            run.provisioner(node.managed_by).leave(
                node.uuid,
                run,
                tear_down=CONF.ironic.release_on_deploy_failure,
            )


class TellProvisioner(base.Step):
    """Have the provisioner know what changed of the node.

    Nothing that follows a success may fail it: what cannot be told now is
    told later.
    """

    def do(self) -> None:
        run, node = self.run, self.run.target
        if node.managed_by == VALENCE:
            return
        asked = {**(node.enrollment or {}), "stale": 0}
        before = (node.enrollment or {}).get("stale") or 0
        run.values["enrollment"] = {**asked, "stale": before + 1}
        run.step(f"update in {node.managed_by}")
        try:
            with run.elsewhere() as room:
                if not room:
                    raise exception.ProvisionerError(
                        said := "Too many operations wait for it.",
                        public=said,
                    )
                run.provisioner(node.managed_by).update(
                    wanted(run, asked), run
                )
        except exception.ProvisionerError as e:
            if run.operation.kind == "follow_up":
                raise
            run.missed(str(e))
            # A warning is for whoever has the node.
            run.warn(
                f"Ironic does not know of the change yet: {e.told(False)}"
            )
        else:
            run.values["enrollment"] = asked


def composed(run: Run) -> linear_flow.Flow:
    """Compose a node and, where that is asked for, enroll it."""
    if run.operation.arguments.get("enroll") is None:
        return compose.build(run)
    task = EnrollNodeTask(run)
    # Where an attempt that was taken up fails before it comes to that task,
    # the task is not gone back through.
    run.leave_first = task.undo
    return compose.build(run, task)


def enroll(run: Run) -> linear_flow.Flow:
    return base.flow(run, EnrollNodeTask(run))


def unenroll(run: Run) -> linear_flow.Flow:
    return base.flow(run, UnenrollNodeTask(run))


def follow_up(run: Run) -> linear_flow.Flow:
    return base.flow(run, compose.ReadAssets(run), TellProvisioner(run))
