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

"""Who asks, and in which request."""

import typing

from oslo_context import context


class RequestContext(context.RequestContext):
    """The context of one request; it travels with calls and operations.

    :param idempotency_key: what the client sent, or None
    :param idempotency_fingerprint: digest of the request that it came with
    """

    FROM_DICT_EXTRA_KEYS = [
        "idempotency_key",
        "idempotency_fingerprint",
    ]

    def __init__(
        self,
        idempotency_key: str | None = None,
        idempotency_fingerprint: str | None = None,
        **kwargs: typing.Any,
    ) -> None:
        kwargs.setdefault("overwrite", False)
        super().__init__(**kwargs)
        self.idempotency_key = idempotency_key
        self.idempotency_fingerprint = idempotency_fingerprint

    def to_dict(self) -> dict[str, typing.Any]:
        return {
            **super().to_dict(),
            "idempotency_key": self.idempotency_key,
            "idempotency_fingerprint": self.idempotency_fingerprint,
        }


def system_context(request_id: str | None = None) -> RequestContext:
    """The context of work that Valence does of its own accord."""
    return RequestContext(is_admin=True, request_id=request_id)
