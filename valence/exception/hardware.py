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

"""What hardware may answer."""

import typing

from valence.exception.base import ValenceError


class HardwareError(ValenceError):
    """Base of every failure that a driver raises; nothing else leaves one.

    A driver quotes what the hardware said, never a library's message.
    """

    status = 502
    code = "hardware.error"
    title = "Hardware error"
    public = "The hardware failed; an administrator can see why."


class AuthFailure(HardwareError):
    """The pod manager refuses the credentials (401) or the right (403)."""

    code = "hardware.auth_failure"
    public = "The hardware does not let the service in."
    message = "The pod manager refused the credentials: %(reason)s"


class HardwareNotFound(HardwareError):
    status = 404
    code = "hardware.not_found"
    title = "Not found on the hardware"
    public = "The hardware does not have it any more."
    message = "The pod manager has no %(noun)s '%(ident)s'."


class HardwareConflict(HardwareError):
    """Nothing free, or the hardware's state forbids it: another may serve."""

    status = 409
    code = "hardware.conflict"
    title = "Refused by the hardware"
    public = "The hardware refused: nothing is free, or its state forbids it."
    message = "The pod manager refused: %(reason)s"


class HardwareBadRequest(HardwareError):
    """The pod manager understood and will never accept this request."""

    status = 400
    code = "hardware.bad_request"
    title = "Refused by the hardware"
    public = "The hardware cannot do what was asked for."
    message = "The pod manager refused the request: %(reason)s"


class HardwareNotSupported(HardwareError):
    status = 409
    code = "hardware.not_supported"
    title = "Not supported by the hardware"
    public = "This hardware cannot do what was asked for."
    message = "Not supported by this pod manager: %(reason)s"


class Unreachable(HardwareError):
    """No answer: refused, reset, timed out, or TLS not trusted.

    ``maybe_done`` says that the request left and may have been carried out.
    """

    status = 504
    code = "hardware.unreachable"
    title = "Pod manager unreachable"
    public = "The hardware does not answer; try again later."
    message = "The pod manager does not answer: %(reason)s"

    def __init__(
        self,
        detail: str | None = None,
        *,
        maybe_done: bool = False,
        **values: typing.Any,
    ) -> None:
        super().__init__(detail, **values)
        self.maybe_done = maybe_done


class HardwareTimeout(HardwareError):
    """The hardware answers but did not reach the state waited for."""

    status = 504
    code = "hardware.timeout"
    title = "Hardware too slow"
    public = "The hardware did not do in time what was asked for."
    message = (
        "%(what)s did not become %(wanted)s within %(seconds)g s; "
        "it is %(state)s."
    )


class BackendError(HardwareError):
    """Any other failure that the pod manager reported."""

    code = "hardware.backend_error"
    message = "The pod manager failed with HTTP %(http_status)s: %(reason)s"
