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

"""What a provisioner may answer."""

import typing

from valence.exception.base import ValenceError


class ProvisionerError(ValenceError):
    """Base of every failure that a provisioner raises.

    :ivar passing: the same request may succeed in a moment
    """

    status = 502
    code = "provisioner.error"
    title = "Provisioner error"
    public: str | None = (
        "Ironic refused or failed; an administrator can see why."
    )
    message = "Ironic failed: %(reason)s"

    def __init__(
        self,
        detail: str | None = None,
        *,
        passing: bool = False,
        **values: typing.Any,
    ) -> None:
        super().__init__(detail, **values)
        self.passing = passing


class ProvisionerNotConfigured(ProvisionerError):
    status = 503
    code = "provisioner.not_configured"
    title = "No provisioner"
    message = "Ironic cannot be used: %(reason)s"


class ProvisionerAuthFailure(ProvisionerError):
    code = "provisioner.auth_failure"
    message = "Ironic refused the credentials of Valence: %(reason)s"


class ProvisionerConflict(ProvisionerError):
    """Its state forbids it: in use, locked, or another has the name."""

    status = 409
    code = "provisioner.conflict"
    title = "Refused by the provisioner"
    message = "Ironic refused: %(reason)s"


class ProvisionerBadRequest(ProvisionerError):
    status = 400
    code = "provisioner.bad_request"
    title = "Refused by the provisioner"
    message = "Ironic refused the request: %(reason)s"


class ProvisionerUnreachable(ProvisionerError):
    """No answer; what was asked may have been done all the same."""

    status = 504
    code = "provisioner.unreachable"
    title = "Provisioner unreachable"
    public = None
    message = "Ironic does not answer: %(reason)s"


class ProvisionerTimeout(ProvisionerError):
    """It answers but did not reach the state waited for."""

    status = 504
    code = "provisioner.timeout"
    title = "Provisioner too slow"
    public = None
    message = (
        "The node did not become %(wanted)s in Ironic within %(seconds)g s; "
        "it is %(state)s."
    )
