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

"""/v1/operations"""

import functools

import webob

from valence import exception
from valence import objects
from valence import states
from valence.api import resource
from valence.api import work
from valence.api.call import Call

find = functools.partial(resource.find, cls=objects.Operation)
show = functools.partial(resource.show, cls=objects.Operation)


def stats(call: Call) -> webob.Response:
    """How long they took, by kind and final state."""
    filters = {
        name: objects.Operation.fields[name] for name in ("kind", "state")
    }
    asked = resource.filtered(call.query(*filters), filters, {})
    return call.answer(objects.Operation.stats(call.context, asked))


def cancel(call: Call) -> webob.Response:
    """Ask for an operation to be cancelled; it is reverted, not dropped."""
    call.query()
    call.no_body()
    operation = resource.until_unchanged(lambda: _request(call))
    call.nudge(call.context, operation.uuid)
    return call.answer(
        work.document(call, operation),
        202,
        call.url(f"/v1/operations/{operation.uuid}"),
    )


def _request(call: Call) -> objects.Operation:
    operation = resource.get(call, objects.Operation)
    if operation.state == states.CANCELLED:
        return operation  # as asked, perhaps by the try before this one
    if operation.ended:
        raise exception.WrongState(
            noun=operation.NOUN,
            ident=operation.uuid,
            state=operation.state,
            action="cancel",
            wanted="'pending' or 'running'",
        )
    if not objects.operation.KINDS[operation.kind]:
        raise exception.Conflict(
            f"A {operation.kind} cannot be cancelled: it ends or fails, and "
            "can then be asked for again."
        )
    if operation.state == states.REVERTING:
        raise exception.Conflict(
            "The operation has failed already and is giving back what it took."
        )
    if not operation.cancel_requested:
        operation.cancel_requested = True
        operation.save()
    return operation
