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

"""What a request with an Idempotency-Key brought about."""

from valence.objects import base
from valence.objects import fields as f


@base.Registry.register
class IdempotencyKey(base.Resource):
    """The first request with a key, and its answer once that was made.

    It is kept in the transaction of the write itself: either both are there
    or neither, whenever the process dies.
    """

    VERSION = "1.0"
    NOUN = "idempotency key"
    COLLECTION = "idempotency_keys"
    OWNER = base.Owner.PROJECT

    fields = {
        "project_id": f.String(length=64, help="Whose key it is."),
        "key": f.String(help="What the client sent."),
        "fingerprint": f.String(
            length=64, help="Digest of method, path and body."
        ),
        "resource_id": f.Uuid(help="What the request made or changed."),
        "operation_id": f.Uuid(
            nullable=True, help="The operation that it started."
        ),
        "answer": f.Json(
            nullable=True,
            help="Status, headers and body; null until they are sent.",
        ),
    }
