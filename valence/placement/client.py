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

"""Requests to Placement, and what its answers mean.

The API: https://docs.openstack.org/api-ref/placement/
"""

import dataclasses
import typing

from keystoneauth1 import exceptions as ksa
from keystoneauth1 import loading
from oslo_config import cfg
from oslo_log import log

from valence.conf.placement import GROUP

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: The first that knows types of consumers.
MICROVERSION = "1.38"

#: ``code`` of an error that asks to read again.
CONCURRENT_UPDATE = "placement.concurrent_update"
#: The uuid of a new provider may be what is taken, as well.
NAME_IS_TAKEN = "placement.duplicate_name"
INVENTORY_IN_USE = "placement.inventory.inuse"
IS_PARENT = "placement.resource_provider.cannot_delete_parent"

#: Of these, another request would have the same.
_AWAY = frozenset({401, 403, 406, 407, 429, 502, 503, 504})


class Misconfigured(Exception):
    """The options do not say how to reach Placement."""


class Away(Exception):
    """Placement cannot be asked at all; says why."""


class Refused(Exception):
    """Placement does not take this; says why."""


class Conflict(Exception):
    """Somebody else was faster: read again, and try again.

    :ivar consumers: what is to be read before the rows are
    :ivar providers: what has to be up to date first
    """

    def __init__(
        self,
        message: str,
        consumers: typing.Collection[str] = (),
        providers: typing.Collection[str] = (),
    ) -> None:
        super().__init__(message)
        self.consumers = consumers
        self.providers = providers


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: typing.Any

    @property
    def error(self) -> dict[str, typing.Any]:
        """Code and detail of a refusal."""
        try:
            return dict(self.body["errors"][0])
        except (TypeError, LookupError, ValueError):
            return {}

    @property
    def code(self) -> str | None:
        return self.error.get("code")

    @property
    def detail(self) -> str:
        return " ".join(str(self.error.get("detail", "no detail")).split())


class Client:
    """Speaks to the Placement that the options name.

    :raises: Misconfigured
    """

    def __init__(self) -> None:
        self._closed = False
        try:
            # [placement]auth_section may name another one.
            loading.register_auth_conf_options(CONF, GROUP)
            auth = loading.load_auth_from_conf_options(CONF, GROUP)
            if auth is None:
                raise Misconfigured(
                    "auth_type is not set. For a Placement without keystone, "
                    "set it to none, and endpoint_override"
                )
            session = loading.load_session_from_conf_options(
                CONF, GROUP, auth=auth
            )
            self._adapter = loading.load_adapter_from_conf_options(
                CONF,
                GROUP,
                session=session,
                client_name="valence",
                default_microversion=MICROVERSION,
                raise_exc=False,
            )
        except (ksa.ClientException, TypeError, ValueError) as e:
            raise Misconfigured(str(e)) from None

    def close(self) -> None:
        """Ask nothing more."""
        self._closed = True

    def ask(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        *,
        expect: typing.Collection[int] = (),
        microversion: str = MICROVERSION,
    ) -> Answer:
        """Send a request.

        :param expect: statuses of refusals that the caller knows to handle
        :raises: Away, Refused
        """
        answer = self._send(method, path, body, microversion)
        if answer.status < 400 or answer.status in expect:
            return answer
        said = f"{method} {path}: HTTP {answer.status}, {answer.detail}"
        if answer.status in _AWAY:
            raise Away(said)
        if answer.status >= 500:
            # Is it this request, or is it all of them?
            probe = self._send("GET", "/resource_classes", None, MICROVERSION)
            if probe.status >= 500:
                raise Away(said)
        raise Refused(said)

    def _send(
        self, method: str, path: str, body: typing.Any, microversion: str
    ) -> Answer:
        if self._closed:
            raise Away("this conductor stops")
        try:
            response = self._adapter.request(
                path,
                method,
                json=body,
                microversion=microversion,
                headers={"Accept": "application/json"},
            )
        except (ksa.ClientException, OSError) as e:  # such as no cafile
            raise Away(str(e)) from None
        status = response.status_code
        if not response.content:
            return Answer(status, None)
        try:
            return Answer(status, response.json())
        except ValueError:
            if status < 400 or status in (404, 405):
                raise Away(
                    f"{method} {path}: what answers is no Placement"
                ) from None
            return Answer(status, None)


class Words:
    """The traits, or the resource classes, that Placement knows.

    :param collection: traits or resource_classes
    """

    def __init__(self, client: Client, collection: str) -> None:
        self._client = client
        self._collection = collection
        self._known: set[str] | None = None
        self._told: set[str] = set()

    def known(self, names: typing.Iterable[str]) -> set[str]:
        """Those of these names that can be used; custom ones are made.

        A standard one that this release of Placement is too old for is left
        out, and the log tells.
        """
        wanted = set(names)
        if self._known is None:
            found = self._client.ask("GET", f"/{self._collection}").body
            self._known = {
                one if isinstance(one, str) else one["name"]
                for one in found[self._collection]
            }
        for name in sorted(wanted - self._known):
            if name.startswith("CUSTOM_"):
                self._client.ask("PUT", f"/{self._collection}/{name}")
                self._known.add(name)
            elif name not in self._told:
                self._told.add(name)
                LOG.warning(
                    "This Placement does not know %s: it is not mirrored.",
                    name,
                )
        return wanted & self._known

    def forget(self) -> None:
        """Read them again: one may have been deleted."""
        self._known = None
