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

"""What the service keeps, one class for each noun."""

import re
import time
import typing
import urllib.parse

from valenceclient import exceptions
from valenceclient import http
from valenceclient.http import Document

#: States of an operation that has ended.
SUCCEEDED = "succeeded"
ENDED = (SUCCEEDED, "failed", "cancelled")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)

#: Attempts to change what others change at the same time.
_TRIES = 5


class Resource:
    """One of the collections under /v1."""

    path: typing.ClassVar[str]

    def __init__(self, way: http.Http) -> None:
        self._http = way

    def _path(self, ident: str, *more: str) -> str:
        quoted = urllib.parse.quote(ident, safe="")
        return "/".join((self.path, quoted, *more))

    def get(
        self, ident: str, fields: typing.Iterable[str] | None = None
    ) -> Document:
        """One, by uuid or by name.

        :param fields: what to show; None: everything
        """
        query = {"fields": ",".join(fields)} if fields else None
        return self._http.document("GET", self._path(ident), query=query)

    def uuid_of(self, ident: str) -> str:
        """The uuid of what is named by uuid or by name.

        For what takes no names, such as filters; a uuid is not looked up.
        """
        if _UUID.fullmatch(ident):
            return ident.lower()
        return typing.cast(str, self.get(ident, ["uuid"])["uuid"])


class Listed(Resource):
    def list(
        self,
        *,
        fields: typing.Iterable[str] | None = None,
        sort_key: str | None = None,
        sort_dir: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        **filters: str | None,
    ) -> typing.Iterator[Document]:
        """All, or those that match, read page by page.

        :param fields: what to show; None: what a list shows by default
        :param sort_dir: ``asc`` or ``desc``
        :param limit: of all pages together
        :param marker: uuid of the one before the first
        :param filters: field → exact value; None: any
        """
        wanted = {
            "fields": ",".join(fields) if fields else None,
            "sort_key": sort_key,
            "sort_dir": sort_dir,
            "limit": limit,
            "marker": marker,
            **filters,
        }
        query = {k: v for k, v in wanted.items() if v is not None}
        left = limit
        while True:
            answer = self._http.request("GET", self.path, query=query)
            page = http.listed(answer)
            yield from page
            if left is not None:
                left -= len(page)
            following = answer.links.get("next", {}).get("url")
            if following is None or (left is not None and left <= 0):
                return
            # Its path may be one that only a proxy before the service knows.
            asked = urllib.parse.urlsplit(following).query
            query = dict(urllib.parse.parse_qsl(asked))
            if left is not None:
                query["limit"] = left


class Counted(Listed):
    """What the service tells in numbers, too."""

    def stats(self, **filters: str | None) -> list[Document]:
        """The numbers of each kind.

        :param filters: field → exact value; None: any
        """
        query = {k: v for k, v in filters.items() if v is not None}
        return self._http.items("GET", f"{self.path}/stats", query=query)


class Made(Listed):
    """What clients make and remove."""

    #: Whether bodies have secrets in them.
    secret: typing.ClassVar[bool] = False

    def create(self, **values: typing.Any) -> Document:
        """Make one; the values are those of the API reference."""
        return self._http.document(
            "POST", self.path, values, secret=self.secret
        )

    def delete(self, ident: str) -> Document:
        return self._http.document("DELETE", self._path(ident))


class Changed(Made):
    """What clients change as well."""

    def update(
        self,
        ident: str,
        values: typing.Mapping[str, typing.Any] | None = None,
        remove: typing.Iterable[str] = (),
    ) -> Document:
        """Set fields, and remove what others are set to.

        :param values: field → new value
        """
        operations = [
            {"op": "add", "path": f"/{name}", "value": value}
            for name, value in (values or {}).items()
        ]
        operations += [{"op": "remove", "path": f"/{name}"} for name in remove]
        return self.patch(ident, operations)

    def patch(
        self, ident: str, operations: list[dict[str, typing.Any]]
    ) -> Document:
        """Change by a JSON Patch (RFC 6902)."""
        return self._http.document(
            "PATCH", self._path(ident), operations, secret=self.secret
        )


class PodManagers(Changed):
    path = "/v1/pod_managers"
    secret = True

    def sync(self, ident: str) -> Document:
        """Have its inventory read again; returns the operation."""
        return self._http.document("POST", self._path(ident, "sync"))

    def audit(self, ident: str) -> Document:
        """What it holds against what the service knows of it."""
        return self._http.document("GET", self._path(ident, "audit"))


class Systems(Listed):
    path = "/v1/systems"


class Racks(Listed):
    path = "/v1/racks"


class Devices(Counted):
    path = "/v1/devices"

    def sync(self, podm_id: str | None = None) -> list[Document]:
        """Have the devices of one pod manager, or of all, read again.

        :returns: for each ``podm_id``, ``name``, ``operation_id``, ``status``
            (PENDING, SUCCESS, FAILED) and ``reason``
        """
        body = {} if podm_id is None else {"podm_id": podm_id}
        return self._http.items("POST", f"{self.path}/sync", body)


class Flavors(Changed):
    path = "/v1/flavors"


class Nodes(Changed):
    path = "/v1/nodes"

    def create(self, **values: typing.Any) -> Document:
        """Compose one; the values are those of the API reference."""
        return self._http.document(
            "POST",
            self.path,
            values,
            # How to enroll it may have passwords in it.
            secret=isinstance(values.get("enroll"), dict),
        )

    def register(self, ident: str, **asked: typing.Any) -> Document:
        """Enroll it in Ironic.

        :param asked: what the pod manager does not know: driver, driver_info,
            ports, … as in the API reference
        """
        return self._http.document(
            "POST", self._path(ident, "register"), asked, secret=True
        )

    def unregister(self, ident: str, force: bool = False) -> Document:
        """Take it out of Ironic; it stays composed.

        :param force: forget that it is there, where there is no Ironic any
            more
        """
        return self._http.document(
            "POST", self._path(ident, "unregister"), {"force": force}
        )

    def manage(self, **values: typing.Any) -> Document:
        """Adopt a node that stands composed already."""
        return self._http.document("POST", f"{self.path}/manage", values)

    def reset(self, ident: str, reset_type: str) -> Document:
        """Switch it.

        :param reset_type: Redfish's ResetType: On, ForceOff, …
        """
        return self._act(ident, "Reset", {"Type": reset_type})

    def boot(
        self,
        ident: str,
        target: str,
        enabled: str | None = None,
        mode: str | None = None,
    ) -> Document:
        """Have it boot from elsewhere.

        :param target: Redfish's BootSource: Pxe, Hdd, …
        :param enabled: Once, Continuous or Disabled
        :param mode: UEFI or Legacy
        """
        asked = {"Target": target, "Enabled": enabled, "Mode": mode}
        return self._act(
            ident, "Boot", {k: v for k, v in asked.items() if v is not None}
        )

    def attach(self, ident: str, device: str) -> Document:
        """Give it a device.

        :returns: the operation; empty where it has the device already
        """
        return self._act(ident, "attach", {"uuid": device})

    def attach_any(self, ident: str, device_type: str) -> Document:
        """Give it any free device of a type; the service picks one."""
        return self._act(ident, "attach", {"type": device_type})

    def detach(self, ident: str, device: str) -> Document:
        """Take a device back.

        :returns: the operation; empty where the device is free already
        """
        return self._act(ident, "detach", {"uuid": device})

    def _act(
        self, ident: str, name: str, asked: dict[str, typing.Any]
    ) -> Document:
        return self._http.document(
            "POST", self._path(ident, "action"), {name: asked}
        )

    def assets(self, ident: str) -> Document:
        """What it is made of, by kind."""
        return self._http.document("GET", self._path(ident, "assets"))

    def storages(self, ident: str) -> list[Document]:
        """Its drives, local and remote."""
        return self._http.items("GET", self._path(ident, "storages"))


class Operations(Counted):
    path = "/v1/operations"

    def cancel(self, ident: str) -> Document:
        return self._http.document("POST", self._path(ident, "cancel"))

    def follow(
        self, ident: str, timeout: float | None = None
    ) -> typing.Iterator[Document]:
        """Look at it until it has ended; yield it whenever it has changed.

        A service that is away for half a minute does not end this.

        :param timeout: seconds; None: as long as it takes
        :raises: StillRunning
        """
        until = None if timeout is None else time.monotonic() + timeout
        shown = None
        pause = 0.1
        while True:
            operation = self._http.document(
                "GET", self._path(ident), pauses=http.PATIENT
            )
            if operation != shown:
                yield operation
                shown = operation
            if operation["state"] in ENDED:
                return
            if until is not None:
                left = until - time.monotonic()
                if left <= 0:
                    raise exceptions.StillRunning(operation)
                pause = min(pause, left)
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)

    def wait(self, ident: str, timeout: float | None = None) -> Document:
        """Wait until it has ended.

        :param timeout: seconds; None: as long as it takes
        :raises: OperationFailed, StillRunning
        """
        operation: Document
        *_, operation = self.follow(ident, timeout)
        if operation["state"] != SUCCEEDED:
            raise exceptions.OperationFailed(operation)
        return operation


class ResourceClasses(Made):
    path = "/v1/resource_classes"


class ResourceProviders(Changed):
    path = "/v1/resource_providers"

    def inventories(self, ident: str) -> Document:
        """``inventories`` by class, and ``resource_provider_generation``."""
        return self._http.document("GET", self._path(ident, "inventories"))

    def set_inventories(
        self,
        ident: str,
        inventories: dict[str, dict[str, typing.Any]],
        amend: bool = False,
    ) -> Document:
        """Say all that a pool has.

        :param amend: of what is not named, leave what it has
        """

        def changed(before: Document) -> dict[str, typing.Any]:
            known: dict[str, dict[str, typing.Any]] = before["inventories"]
            if not amend:
                return inventories
            return known | {
                name: known.get(name, {}) | fields
                for name, fields in inventories.items()
            }

        return self._replace(ident, "inventories", changed)

    def usages(self, ident: str) -> Document:
        """``usages`` by class, and ``resource_provider_generation``."""
        return self._http.document("GET", self._path(ident, "usages"))

    def traits(self, ident: str) -> Document:
        """``traits``, and ``resource_provider_generation``."""
        return self._http.document("GET", self._path(ident, "traits"))

    def set_traits(self, ident: str, traits: typing.Iterable[str]) -> Document:
        """Replace all that is said of it."""
        wanted = sorted(set(traits))
        return self._replace(ident, "traits", lambda before: wanted)

    def _replace(
        self,
        ident: str,
        what: str,
        changed: typing.Callable[[Document], typing.Any],
    ) -> Document:
        """Read, change, write; again where somebody else wrote between."""
        path = self._path(ident, what)
        generation = "resource_provider_generation"
        for attempt in range(_TRIES):
            before = self._http.document("GET", path)
            body = {generation: before[generation], what: changed(before)}
            try:
                return self._http.document("PUT", path, body)
            except exceptions.ApiError as e:
                if e.code != "resource.changed" or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")


class Allocations(Resource):
    """What nodes hold; each is named by its node."""

    path = "/v1/allocations"

    def set(
        self, node: str, allocations: dict[str, dict[str, int]]
    ) -> Document:
        """Say what a node holds of pools: all of it is given, or nothing.

        :param allocations: provider → resource class → amount
        """
        body = {
            "allocations": {
                provider: {"resources": resources}
                for provider, resources in allocations.items()
            }
        }
        return self._http.document("PUT", self._path(node), body)

    def delete(self, node: str) -> Document:
        """Give back what it holds of pools."""
        return self._http.document("DELETE", self._path(node))
