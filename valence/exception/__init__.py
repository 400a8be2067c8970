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

"""Every error that Valence reports.

An error knows its HTTP status, a stable ``code`` slug that clients may match
on, and a message made from keyword arguments. What a user reads is the
message alone: never a traceback, a library's text or a secret.

Some messages tell of hardware that others share. Who may not know of that
reads what is ``public`` instead.
"""

from valence.exception.base import Ambiguous
from valence.exception.base import BadRequest
from valence.exception.base import BodyTooLarge
from valence.exception.base import Busy
from valence.exception.base import Changed
from valence.exception.base import Conflict
from valence.exception.base import DeviceTaken
from valence.exception.base import Duplicate
from valence.exception.base import Forbidden
from valence.exception.base import ForbiddenField
from valence.exception.base import IdempotencyKeyReused
from valence.exception.base import IdempotencyKeyTaken
from valence.exception.base import InUse
from valence.exception.base import InvalidField
from valence.exception.base import InvalidJson
from valence.exception.base import InvalidMarker
from valence.exception.base import ManagedElsewhere
from valence.exception.base import MethodNotAllowed
from valence.exception.base import MissingField
from valence.exception.base import NoFreeDevice
from valence.exception.base import NoPodManager
from valence.exception.base import NotAcceptable
from valence.exception.base import NotEnough
from valence.exception.base import NotFound
from valence.exception.base import NotFromHere
from valence.exception.base import OperationFailed
from valence.exception.base import ReadOnlyField
from valence.exception.base import RouteNotFound
from valence.exception.base import Unauthenticated
from valence.exception.base import Unavailable
from valence.exception.base import UnknownField
from valence.exception.base import UnknownFilter
from valence.exception.base import UnreadableBody
from valence.exception.base import UnsupportedMediaType
from valence.exception.base import ValenceError
from valence.exception.base import WrongState
from valence.exception.hardware import AuthFailure
from valence.exception.hardware import BackendError
from valence.exception.hardware import HardwareBadRequest
from valence.exception.hardware import HardwareConflict
from valence.exception.hardware import HardwareError
from valence.exception.hardware import HardwareNotFound
from valence.exception.hardware import HardwareNotSupported
from valence.exception.hardware import HardwareTimeout
from valence.exception.hardware import Unreachable
from valence.exception.provisioner import ProvisionerAuthFailure
from valence.exception.provisioner import ProvisionerBadRequest
from valence.exception.provisioner import ProvisionerConflict
from valence.exception.provisioner import ProvisionerError
from valence.exception.provisioner import ProvisionerNotConfigured
from valence.exception.provisioner import ProvisionerTimeout
from valence.exception.provisioner import ProvisionerUnreachable
from valence.exception.secret import KeysUnusable
from valence.exception.secret import SecretUnreadable

__all__ = [
    "Ambiguous",
    "AuthFailure",
    "BackendError",
    "BadRequest",
    "BodyTooLarge",
    "Busy",
    "Changed",
    "Conflict",
    "DeviceTaken",
    "Duplicate",
    "Forbidden",
    "ForbiddenField",
    "HardwareBadRequest",
    "HardwareConflict",
    "HardwareError",
    "HardwareNotFound",
    "HardwareNotSupported",
    "HardwareTimeout",
    "IdempotencyKeyReused",
    "IdempotencyKeyTaken",
    "InUse",
    "InvalidField",
    "InvalidJson",
    "InvalidMarker",
    "KeysUnusable",
    "ManagedElsewhere",
    "MethodNotAllowed",
    "MissingField",
    "NoFreeDevice",
    "NoPodManager",
    "NotAcceptable",
    "NotEnough",
    "NotFound",
    "NotFromHere",
    "OperationFailed",
    "ProvisionerAuthFailure",
    "ProvisionerBadRequest",
    "ProvisionerConflict",
    "ProvisionerError",
    "ProvisionerNotConfigured",
    "ProvisionerTimeout",
    "ProvisionerUnreachable",
    "ReadOnlyField",
    "RouteNotFound",
    "SecretUnreadable",
    "Unauthenticated",
    "Unavailable",
    "UnknownField",
    "UnknownFilter",
    "Unreachable",
    "UnreadableBody",
    "UnsupportedMediaType",
    "ValenceError",
    "WrongState",
]
