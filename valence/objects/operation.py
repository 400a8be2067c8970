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

"""One piece of work on hardware."""

import typing
import uuid

from valence import states
from valence.objects import base
from valence.objects import fields as f

if typing.TYPE_CHECKING:
    from valence.context import RequestContext

#: What can be asked for, and whether it may be cancelled once it runs.
KINDS = {
    "connect": True,
    "sync": True,
    "compose": True,
    "manage": True,
    "reset": True,
    "boot": True,
    "attach": True,
    "detach": True,
    # Half-released hardware serves nobody: it is finished or tried again.
    "release": False,
    "enroll": True,
    "unenroll": False,
    "follow_up": True,
}


@base.Registry.register
class Operation(base.Resource):
    """What was asked, by whom, how far it got and how it ended."""

    VERSION = "1.0"
    NOUN = "operation"
    COLLECTION = "operations"
    OWNER = base.Owner.PROJECT

    fields = {
        "kind": f.Enum(
            KINDS, filterable=True, help="What is done: compose, release, …"
        ),
        "target_type": f.String(
            length=32,
            filterable=True,
            help="What it is done to: node or pod manager.",
        ),
        "target_id": f.Uuid(
            filterable=True, help="UUID of what it is done to."
        ),
        "target_name": f.String(
            nullable=True, help="Its name when the operation was asked for."
        ),
        "podm_id": f.Uuid(
            nullable=True,
            filterable=True,
            hardware=True,
            help="The pod manager that it works on.",
        ),
        "provisioner": f.String(
            nullable=True,
            length=64,
            help="The provisioner that it works with, if any, such as ironic.",
        ),
        "state": f.Enum(
            states.OPERATION.states,
            filterable=True,
            help="How far it is.",
        ),
        "progress": f.Integer(help="Percent of its steps that are done."),
        "steps": f.Steps(
            help="Each step that was begun: name, state, started_at, "
            "ended_at and, where it failed, the message.",
        ),
        "warnings": f.Json(
            form=list,
            help="What to know or do though nothing failed, such as that a "
            "server has to be started again.",
        ),
        "refusals": f.Refusals(
            detail=True,
            help="Where no pod manager could serve: for each the filter that "
            "turned it down, the reason and, where it was a matter of "
            "numbers, what was needed and what was free; nearest first.",
        ),
        "last_error": f.String(
            nullable=True,
            length=4096,
            instead="public_error",
            help="Why it failed.",
        ),
        "public_error": f.String(
            access=f.Access.HIDDEN,
            nullable=True,
            length=4096,
            help="The same, without what it tells of the hardware.",
        ),
        "error_code": f.String(
            nullable=True, length=64, help="The slug of that error."
        ),
        "error_status": f.Integer(
            access=f.Access.HIDDEN,
            nullable=True,
            help="HTTP status that a client who waits is answered with.",
        ),
        "cancel_requested": f.Boolean(
            help="Whether somebody asked for it to be cancelled."
        ),
        "arguments": f.Json(
            access=f.Access.HIDDEN, help="What its flow needs to know."
        ),
        "secrets": f.Secret(
            access=f.Access.HIDDEN,
            nullable=True,
            help="What its flow needs to know and nobody else may; erased "
            "when it ends.",
        ),
        "conductor": f.String(
            nullable=True,
            hardware=True,
            help="The conductor that carries it out.",
        ),
        "attempts": f.Integer(
            help="How often it was taken up by a conductor."
        ),
        "started_at": f.DateTime(
            nullable=True, help="When it was first taken up."
        ),
        "ended_at": f.DateTime(nullable=True, help="When it ended."),
        "duration": f.Float(
            nullable=True,
            help="Seconds from when it was asked for to when it ended.",
        ),
        "request_id": f.String(
            nullable=True, length=64, help="The request that asked for it."
        ),
        "project_id": f.String(
            nullable=True,
            filterable=True,
            length=64,
            help="The project that owns what it works on; null where that "
            "is a pod manager.",
        ),
        "user_id": f.String(
            nullable=True, length=64, help="The user who asked."
        ),
    }

    @classmethod
    def asking(
        cls,
        context: "RequestContext",
        kind: str,
        target: typing.Any,
        podm_id: str | None,
        arguments: dict[str, typing.Any] | None = None,
        *,
        provisioner: str | None = None,
        secrets: dict[str, typing.Any] | None = None,
    ) -> "Operation":
        """A new operation on a node or a pod manager, not yet kept."""
        return cls(
            context,
            uuid=str(uuid.uuid4()),
            kind=kind,
            target_type=target.NOUN,
            target_id=target.uuid,
            target_name=target.name,
            podm_id=podm_id,
            state=states.PENDING,
            progress=0,
            steps=[],
            warnings=[],
            refusals=[],
            cancel_requested=False,
            arguments=arguments or {},
            provisioner=provisioner,
            secrets=secrets,
            attempts=0,
            request_id=context.request_id,
            # A pod manager is no project's, and nor is work on it.
            project_id=getattr(target, "project_id", None),
            user_id=context.user_id,
        )

    @classmethod
    @base.remotable
    def stats(
        cls, context: "RequestContext", filters: dict[str, typing.Any]
    ) -> list[dict[str, typing.Any]]:
        """How long those that ended took, since Valence was installed.

        One statement, whose cost does not grow with their number.

        :param filters: ``kind`` and ``state``: exact value, or several
        :returns: for each kind and state that there were ``count``, how many,
            ``seconds``, what they took together, and ``buckets``: how many
            took ``up_to`` so many seconds; None in the last, with them all
        """
        return base.store().operation_stats(context, filters)

    @property
    def ended(self) -> bool:
        return self.state in states.OPERATION.final
