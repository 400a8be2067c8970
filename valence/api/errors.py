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

"""Errors as clients see them.

The shape is that of the API-SIG: https://specs.openstack.org/openstack/
api-sig/guidelines/errors.html
"""

import json
import typing

from oslo_log import log
import pecan
from pecan import hooks
import webob
import webob.exc

from valence import exception
from valence import objects

LOG = log.getLogger(__name__)


def response(
    error: exception.ValenceError, environ: dict[str, typing.Any]
) -> webob.Response:
    """The answer to the request that has failed."""
    context = environ.get("valence.context")
    hardware = context is not None and context.sees_hardware
    shown = {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "detail": error.told(hardware),
        "request_id": environ.get("openstack.request_id"),
    }
    for key in ("min_version", "max_version"):
        if key in error.values:
            shown[key] = error.values[key]
    if "refusals" in error.values:
        field = objects.Operation.fields["refusals"]
        shown["refusals"] = field.shown(error.values["refusals"], hardware)
    answer = webob.Response(
        json.dumps({"errors": [shown]}).encode(),
        status=error.status,
        content_type="application/json",
        charset="UTF-8",
    )
    if isinstance(error, exception.MethodNotAllowed):
        answer.headers["Allow"] = str(error.values["allowed"])
    if isinstance(error, exception.BodyTooLarge | exception.UnreadableBody):
        # What is left of the body is not read.
        answer.headers["Connection"] = "close"
    if isinstance(error, exception.Unavailable):
        answer.headers["Retry-After"] = "10"
    if isinstance(error, exception.OperationFailed):
        answer.location = error.values["location"]
    return answer


def named(error: Exception) -> exception.ValenceError:
    """The error of ours that an exception stands for."""
    match error:
        case exception.ValenceError():
            return error
        case webob.exc.HTTPNotFound():
            return exception.RouteNotFound(path=pecan.request.path)
        case webob.exc.HTTPNotAcceptable():
            return exception.NotAcceptable(
                reason="This path has no answer of the types that Accept "
                "names."
            )
        case webob.exc.HTTPClientError():
            return exception.BadRequest("The request cannot be read.")
        # By name: this process may have no database library at all.
        case _ if type(error).__module__ == "oslo_db.exception":
            LOG.error("The database failed.", exc_info=error)
            return exception.Unavailable(
                "The database does not answer; try again later."
            )
    LOG.error("A fault of ours.", exc_info=error)
    return exception.ValenceError()


class ErrorHook(hooks.PecanHook):
    """Turns whatever was raised into an answer; nothing else may."""

    def on_error(
        self, state: object, error: Exception
    ) -> webob.Response | None:
        return response(named(error), pecan.request.environ)
