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

"""Who asks, in which request, and how far that request reaches."""

import copy
import typing

from oslo_context import context

from valence import exception
from valence import policies


class RequestContext(context.RequestContext):
    """The context of one request; it travels with calls and operations.

    :param all_projects: the request reaches what belongs to any project;
        otherwise what belongs to its own, and nothing that belongs to none
    :param sees_hardware: it may know of the hardware that projects share
    :param idempotency_key: what the client sent, or None
    :param idempotency_fingerprint: digest of the request that it came with
    """

    FROM_DICT_EXTRA_KEYS = [
        "all_projects",
        "sees_hardware",
        "idempotency_key",
        "idempotency_fingerprint",
    ]

    def __init__(
        self,
        all_projects: bool = False,
        sees_hardware: bool = False,
        idempotency_key: str | None = None,
        idempotency_fingerprint: str | None = None,
        **kwargs: typing.Any,
    ) -> None:
        kwargs.setdefault("overwrite", False)
        super().__init__(**kwargs)
        self.all_projects = bool(all_projects)
        self.sees_hardware = bool(sees_hardware)
        self.idempotency_key = idempotency_key
        self.idempotency_fingerprint = idempotency_fingerprint

    def to_dict(self) -> dict[str, typing.Any]:
        return {
            **super().to_dict(),
            **{
                name: getattr(self, name) for name in self.FROM_DICT_EXTRA_KEYS
            },
        }

    def can(self, rule: str, target: dict[str, typing.Any]) -> bool:
        """Whether the policy allows something.

        :param rule: its name
        :param target: what is known of what it is done to; an empty one is
            anybody's
        """
        return policies.allows(rule, target, self)

    def authorize(self, rule: str) -> None:
        """Let the request pass, and settle how far it reaches.

        This comes before anything is read, so the rule is asked about what
        belongs to anybody, and then about what belongs to the own project.

        :raises: Forbidden
        """
        self.all_projects = self.can(rule, {})
        own = {"project_id": self.project_id} if self.project_id else {}
        if not (self.all_projects or (own and self.can(rule, own))):
            raise exception.Forbidden(rule=rule)
        self.sees_hardware = self.can(policies.HARDWARE, {})

    def elevated(self) -> typing.Self:
        """The same request, reading for itself what its client may not."""
        context = copy.copy(self)
        context.all_projects = True
        return context


def system_context(request_id: str | None = None) -> RequestContext:
    """The context of work that Valence does of its own accord."""
    return RequestContext(
        is_admin=True,
        all_projects=True,
        sees_hardware=True,
        request_id=request_id,
    )
