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

"""Asking for hardware work, and answering for it."""

import typing

import webob

from valence import exception
from valence import objects
from valence import policies
from valence import states
from valence.api import types
from valence.api import wait
from valence.api.call import Call
from valence.objects import base

#: Operations that are answered with what they work on, not with themselves.
ANSWERED_BY_TARGET = (
    "connect",
    "compose",
    "manage",
    "release",
    "enroll",
    "unenroll",
)
#: Operations that a client who waited is answered 204 for.
WITHOUT_BODY = ("reset", "boot", "attach", "detach", "release")


def submit(
    call: Call,
    kind: str,
    target: typing.Any,
    event: str | None = None,
    **asked: typing.Any,
) -> webob.Response:
    """Ask for work and answer; the parameters are those of :func:`ask`."""
    return answer(call, ask(call, kind, target, event, **asked), target)


def ask(
    call: Call,
    kind: str,
    target: typing.Any,
    event: str | None = None,
    podm_id: str | None = None,
    arguments: dict[str, typing.Any] | None = None,
    device: objects.Device | None = None,
    provisioner: str | None = None,
    secrets: dict[str, typing.Any] | None = None,
) -> objects.Operation:
    """Write down what is asked for, and wake a conductor.

    :param event: on the target's state; None: the target is new
    :param device: what is attached or detached, taken in the same breath
    """
    operation = objects.Operation.asking(
        call.context,
        kind,
        target,
        podm_id,
        arguments,
        provisioner=provisioner,
        secrets=secrets,
    )
    target.submit(operation, event, device)
    call.nudge(call.context, operation.uuid)
    return operation


def answer(
    call: Call, operation: objects.Operation, target: typing.Any = None
) -> webob.Response:
    """202, or what came of it where the client waits and it ended in time.

    :param target: as it stood when the work was asked for; None to read it
    :raises: OperationFailed
    """
    location = call.url(f"/v1/operations/{operation.uuid}")
    waited = False
    if call.wait:
        operation = wait.until_ended(call.context, operation, call.wait)
        waited = operation.ended
    # A pod manager is registered, whatever came of the first connection;
    # its status says so.
    failed = operation.state in (states.FAILED, states.CANCELLED)
    if waited and failed and operation.kind != "connect":
        ended = f"The operation was {operation.state}."
        raise exception.OperationFailed(
            operation.last_error or ended,
            public=operation.public_error or ended,
            status=operation.error_status or 409,
            code=operation.error_code or "operation.cancelled",
            location=location,
            **({"refusals": operation.refusals} if operation.refusals else {}),
        )
    if waited and operation.kind in WITHOUT_BODY:
        response = call.answer(status=204, location=location)
    else:
        shown: base.Resource = operation
        if operation.kind in ANSWERED_BY_TARGET:
            if waited or target is None:
                cls = objects.TARGETS[operation.target_type]
                target = cls.get(call.context, operation.target_id)
            shown = target
        response = call.answer(
            document(call, shown),
            200 if waited else 202,
            location,
        )
    if waited:
        response.headers["Preference-Applied"] = f"wait={call.wait}"
    return response


def visible(call: Call, cls: type[base.Resource]) -> list[str]:
    """The fields of a class that the client sees."""
    names = [
        name
        for name, field in cls.fields.items()
        if field.visible
        and field.since <= call.version
        and (call.context.sees_hardware or not field.hardware)
    ]
    return sorted(names, key=lambda name: name != "uuid")


def refuse_hidden(call: Call, cls: type[base.Resource], name: str) -> None:
    """Tell a name that the client may not know from one that there is not.

    :raises: ForbiddenField
    """
    field = cls.fields.get(name)
    if field is not None and field.hardware and not call.context.sees_hardware:
        raise exception.ForbiddenField(field=name, rule=policies.HARDWARE)


def document(
    call: Call, obj: base.Resource, names: list[str] | None = None
) -> dict[str, typing.Any]:
    """The document of a resource, with the link to itself."""
    if names is None:
        names = visible(call, type(obj))
    shown = types.document(obj, names, call.context.sees_hardware)
    shown["links"] = [
        {"rel": "self", "href": call.url(f"/v1/{obj.COLLECTION}/{obj.uuid}")}
    ]
    return shown
