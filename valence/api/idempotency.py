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

"""``Idempotency-Key``: a retry of a POST returns the first answer.

See draft-ietf-httpapi-idempotency-key-header. The key is kept in the
transaction of the write itself, so a retry after a lost answer, a crash or
beside the first request never does the work twice.
"""

import base64

import webob

from valence import exception
from valence import objects
from valence.api import resource
from valence.api import routes
from valence.api import work
from valence.api.call import Call
from valence.api.v1 import flavor
from valence.api.v1 import resource_class
from valence.api.v1 import resource_provider
from valence.objects import base

#: What is made by a request alone, without an operation.
_MADE_BY: dict[routes.Handler, type[base.Resource]] = {
    flavor.create: objects.Flavor,
    resource_class.create: objects.ResourceClass,
    resource_provider.create: objects.ResourceProvider,
}

_KEPT_HEADERS = ("Content-Type", "Location", "Preference-Applied")


def handle(call: Call, handler: routes.Handler) -> webob.Response:
    """Answer as ever, or again."""
    if call.context.idempotency_key is None:
        return handler(call)
    known = _recall(call)
    if known is None:
        try:
            response = handler(call)
        except exception.Conflict:
            # Perhaps with the first request of this key, carried out beside.
            known = _recall(call)
            if known is None:
                raise
        else:
            known = _recall(call)
            if known is not None:
                known.answer = {
                    "status": response.status_int,
                    "headers": {
                        name: response.headers[name]
                        for name in _KEPT_HEADERS
                        if name in response.headers
                    },
                    "body": base64.b64encode(response.body).decode(),
                }
                known.save()
            return response
    return _again(call, known, handler)


def _recall(call: Call) -> objects.IdempotencyKey | None:
    found = objects.IdempotencyKey.find(
        call.context,
        {
            "filters": {
                "project_id": call.context.project_id or "",
                "key": call.context.idempotency_key,
            },
            "limit": 1,
        },
    )
    return found[0] if found else None


def _again(
    call: Call, known: objects.IdempotencyKey, handler: routes.Handler
) -> webob.Response:
    if known.fingerprint != call.context.idempotency_fingerprint:
        raise exception.IdempotencyKeyReused()
    if known.answer is not None:
        response = webob.Response(
            base64.b64decode(known.answer["body"]),
            status=known.answer["status"],
        )
        response.content_type = None
        response.headers.update(known.answer["headers"])
        return response
    # The first answer was never kept: it is still being waited for, or the
    # process died. What the request did is known all the same.
    if known.operation_id is not None:
        operation = objects.Operation.get(call.context, known.operation_id)
        return work.answer(call, operation)
    cls = _MADE_BY[handler]
    return resource.created(call, cls.get(call.context, known.resource_id))
