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

"""Hold Placement against the rows, and write what differs.

A group is a pod manager with its nodes, or a pool. What Placement has is
read first, the rows after it, and each write names the generation that was
read: whatever others do meanwhile, an older state never overwrites a newer
one.
"""

import functools
import random
import typing

from valence.db import ledger
from valence.placement import client as http
from valence.placement import wanted
from valence.placement.consumers import Consumers
from valence.placement.providers import Document
from valence.placement.providers import Providers

#: Times that what conflicts with others' changes is tried.
TRIES = 6


class Reconciler:
    """
    :param pause: waits for some seconds
    """

    def __init__(
        self, client: http.Client, pause: typing.Callable[[float], object]
    ) -> None:
        self._providers = Providers(client)
        self._consumers = Consumers(client, self._providers)
        self._pause = pause

    def reconcile(self, key: str) -> None:
        """Make one group in Placement what the rows say.

        :raises: Away, Refused
        """
        consumers: typing.Collection[str] = ()
        providers: typing.Collection[str] = ()

        def once() -> None:
            for other in set(providers) - {key}:
                self._provide(other, self._providers.listed(other))
            self._once(key, consumers)

        def conflicting(error: http.Conflict) -> None:
            nonlocal consumers, providers
            consumers, providers = error.consumers, error.providers

        self._retried(once, conflicting)

    def clean(self) -> None:
        """Delete in Placement what is ours there and gone here.

        :raises: Away, Refused
        """
        refused = []
        for uuid in sorted(ledger.strangers(self._providers.listed())):
            try:
                self._retried(functools.partial(self._withdraw, uuid))
            except http.Refused as e:
                refused.append(str(e))
        if refused:
            raise http.Refused("; ".join(refused))

    def _retried(
        self,
        once: typing.Callable[[], None],
        conflicting: typing.Callable[[http.Conflict], None] = lambda _: None,
    ) -> None:
        error = ""
        refused = False
        for attempt in range(TRIES):
            if attempt:
                jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                self._pause(0.1 * attempt * jitter)
            try:
                once()
                return
            except http.Conflict as e:
                error = str(e)
                conflicting(e)
            except http.Refused:
                if refused:
                    raise
                refused = True
                # Somebody may have deleted a trait or a resource class.
                self._providers.forget_words()
        raise http.Refused(error)

    def _once(self, key: str, consumers: typing.Collection[str]) -> None:
        for uuid in consumers:
            self._consumers.read(uuid)
        listed = self._providers.listed(key)
        holders = self._consumers.holders(key)
        group, wants = self._provide(key, listed)
        if key in wants:
            self._consumers.settle(key, holders, group.consumers)
        for want in wants.values():
            self._providers.drop_classes(want)
        for uuid in sorted(listed.keys() - wants.keys()):
            self._withdraw(uuid)

    def _provide(
        self, key: str, listed: dict[str, Document]
    ) -> tuple[ledger.Group, dict[str, wanted.Provider]]:
        group = ledger.group(key)
        wants = wanted.providers(key, group)
        for uuid, want in wants.items():
            self._providers.provide(key, want, listed.get(uuid))
        return group, wants

    def _withdraw(self, uuid: str) -> None:
        """Delete a provider, unless others than our nodes hold of it."""
        holders = self._consumers.holders(uuid)
        others = self._consumers.vacate(uuid, holders.keys(), holders)
        if others:
            self._providers.let_go(uuid, f"held by {', '.join(others)}")
        else:
            self._providers.delete(uuid)
