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

"""What may be wrong with secrets."""

from valence.exception.base import ValenceError
from valence.exception.hardware import HardwareError


class KeysUnusable(ValenceError):
    """The keys of secrets are missing, or others may read them."""

    status = 503
    code = "secret.keys_unusable"
    title = "No keys"
    message = "The keys of secrets cannot be used: %(reason)s"


class SecretUnreadable(HardwareError):
    """Without its credentials a pod manager cannot be spoken to."""

    status = 500
    code = "secret.unreadable"
    title = "A secret cannot be decrypted"
    message = (
        "The %(what)s of %(noun)s %(ident)s cannot be decrypted: %(reason)s. "
        "Restore the key, or set the %(what)s anew."
    )
