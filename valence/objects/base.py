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

"""What every versioned object has, and where objects are kept.

Objects know no database. They are kept by a :class:`Store` that the process
is wired with: valence.db.api in a conductor and in most API processes, or,
with ``[api]object_backend = conductor``, a conductor at the other end of the
message bus (the ``remotable`` methods then run there).
"""

import enum
import typing

from oslo_versionedobjects import base

from valence.objects import fields as f

if typing.TYPE_CHECKING:
    from valence.context import RequestContext
    from valence.objects.device import Device
    from valence.objects.operation import Operation

remotable = base.remotable


class Registry(base.VersionedObjectRegistry):
    """All versioned objects of Valence, by name."""


class Page(typing.TypedDict, total=False):
    """Which part of a list is asked for; every key is optional."""

    #: field → exact value, or several; and what a noun has besides
    filters: dict[str, typing.Any]
    limit: int | None
    marker: str | None  #: uuid of the last resource of the page before
    sort_key: str
    sort_dir: str  #: 'asc' or 'desc'
    fields: list[str]  #: what to read; the others stay unset


class Owner(enum.Enum):
    """Whose a resource is, and so whom a request of one project finds it."""

    NOBODY = "no project's: only who reaches all projects finds it"
    PROJECT = "of the project in project_id"
    PUBLIC = "of the project in project_id; everybody's where that is empty"
    NODE = "of the project of the node in node_uuid"


class Resource(base.VersionedObject):
    """A thing that is kept: one row, one document."""

    OBJ_PROJECT_NAMESPACE = "valence"
    #: A noun that does not say is found by nobody who has only a project.
    OWNER: typing.ClassVar[Owner] = Owner.NOBODY
    #: What people call it.
    NOUN: typing.ClassVar[str]
    #: Table that it is kept in, and collection under /v1.
    COLLECTION: typing.ClassVar[str]

    fields: dict[str, typing.Any] = {
        "uuid": f.Uuid(unique=True, help="UUID of the resource."),
        "created_at": f.DateTime(
            filterable=True, help="When it was made, in UTC."
        ),
        "updated_at": f.DateTime(help="When it was last changed, in UTC."),
        "revision": f.Integer(
            access=f.Access.HIDDEN,
            help="Counts the changes, so that none is lost to another.",
        ),
    }

    @property
    def label(self) -> str:
        """What a message calls this one."""
        named = "name" in self.fields and self.obj_attr_is_set("name")
        return str((named and getattr(self, "name")) or self.uuid)  # noqa: B009

    @classmethod
    @remotable
    def get(cls, context: "RequestContext", ident: str) -> typing.Self:
        """Find one by its uuid or by its name, where the request reaches.

        :raises: NotFound, Ambiguous
        """
        return store().get(context, cls, ident)

    @classmethod
    @remotable
    def find(
        cls, context: "RequestContext", page: Page | None = None
    ) -> list[typing.Self]:
        """One page of what the request reaches.

        It takes one or two statements whatever its size.

        :raises: InvalidMarker
        """
        return store().find(context, cls, **(page or {}))

    @classmethod
    @remotable
    def count(
        cls,
        context: "RequestContext",
        by: list[str],
        filters: dict[str, typing.Any],
    ) -> list[dict[str, typing.Any]]:
        """How many of what the request reaches there are; one statement.

        :param by: the fields that they are counted by
        :param filters: field → exact value, or several
        :returns: for each combination that there is these fields, and
            ``count``
        """
        return store().count(context, cls, by, filters)

    @remotable
    def create(self) -> None:
        """Keep a new one; gives it its times.

        :raises: Duplicate
        """
        store().create(self._context, self)

    @remotable
    def save(self) -> None:
        """Write the changed fields, unless somebody else did meanwhile.

        :raises: NotFound, Duplicate, Changed
        """
        store().save(self._context, self)

    @remotable
    def destroy(self) -> None:
        """Delete it.

        :raises: NotFound, InUse
        """
        store().destroy(self._context, self)

    @remotable
    def submit(
        self,
        operation: "Operation",
        event: str | None = None,
        device: "Device | None" = None,
    ) -> None:
        """Ask for hardware work on this: one transaction, all or nothing.

        The operation is made pending and put in charge of this resource. A
        resource that was never kept is created; otherwise its set but
        unsaved fields are written and its state follows ``event``, provided
        that no operation is in charge and the state allows it.

        :param device: what the operation attaches or detaches: it is taken
            too, by the event that the operation is named for
        :raises: NotFound, Busy, WrongState, Duplicate
        """
        store().submit(self._context, self, operation, event, device)


T = typing.TypeVar("T", bound=Resource)


class Store(typing.Protocol):
    """Where objects are kept; the methods are those of the objects."""

    def get(
        self, context: "RequestContext", cls: type[T], ident: str
    ) -> T: ...

    def find(
        self,
        context: "RequestContext",
        cls: type[T],
        filters: dict[str, typing.Any] | None = None,
        limit: int | None = None,
        marker: str | None = None,
        sort_key: str = "created_at",
        sort_dir: str = "asc",
        fields: list[str] | None = None,
    ) -> list[T]: ...

    def count(
        self,
        context: "RequestContext",
        cls: type[Resource],
        by: list[str],
        filters: dict[str, typing.Any],
    ) -> list[dict[str, typing.Any]]: ...

    def create(self, context: "RequestContext", obj: Resource) -> None: ...

    def save(self, context: "RequestContext", obj: Resource) -> None: ...

    def destroy(self, context: "RequestContext", obj: Resource) -> None: ...

    def submit(
        self,
        context: "RequestContext",
        obj: Resource,
        operation: "Operation",
        event: str | None,
        device: "Device | None" = None,
    ) -> None: ...

    def usage(
        self, context: "RequestContext", uuids: list[str]
    ) -> list[dict[str, typing.Any]]: ...

    def inventories(
        self, context: "RequestContext", provider: typing.Any
    ) -> dict[str, dict[str, typing.Any]]: ...

    def set_inventories(
        self,
        context: "RequestContext",
        provider: typing.Any,
        inventories: dict[str, dict[str, typing.Any]],
        generation: int,
    ) -> None: ...

    def device_stats(
        self, context: "RequestContext", filters: dict[str, typing.Any]
    ) -> list[dict[str, typing.Any]]: ...

    def operation_stats(
        self, context: "RequestContext", filters: dict[str, typing.Any]
    ) -> list[dict[str, typing.Any]]: ...

    def traits(
        self, context: "RequestContext", provider: typing.Any
    ) -> list[str]: ...

    def set_traits(
        self,
        context: "RequestContext",
        provider: typing.Any,
        traits: list[str],
        generation: int,
    ) -> None: ...

    def allocations(
        self, context: "RequestContext", consumer_id: str
    ) -> dict[str, dict[str, typing.Any]]: ...

    def set_allocations(
        self,
        context: "RequestContext",
        consumer_id: str,
        wanted: dict[str, dict[str, int]],
    ) -> None: ...


_store: Store | None = None


def use_store(backend: Store | None) -> None:
    """Say where this process keeps its objects."""
    global _store
    _store = backend


def store() -> Store:
    if _store is None:
        raise RuntimeError("No store: call objects.base.use_store first.")
    return _store
