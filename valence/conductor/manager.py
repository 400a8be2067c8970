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

"""What conductors are told over the message bus."""

import typing

import oslo_messaging

from valence import exception
from valence.conductor.operations import Operations
from valence.context import RequestContext
from valence.objects import base
from valence.objects import requirements
from valence.scheduler import select


class OperationEndpoint:
    """Wakes a conductor; the operation itself stands in the database."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def run_operation(self, context: RequestContext, uuid: str) -> None:
        self._operations.nudge(uuid)


class SchedulerEndpoint:
    """Says where a node would be composed."""

    target = oslo_messaging.Target(version="1.0")

    def plan(
        self,
        context: RequestContext,
        properties: dict[str, typing.Any],
        podm_id: str | None,
    ) -> dict[str, typing.Any]:
        return select.plan(requirements.of(properties, podm_id))


class ObjectEndpoint:
    """Reads and writes objects for API processes without a database.

    See valence.rpcapi.ObjectAPI, and the VersionedObjectIndirectionAPI of
    oslo.versionedobjects.
    """

    target = oslo_messaging.Target(version="1.0")

    @oslo_messaging.expected_exceptions(exception.ValenceError)
    def object_class_action_versions(
        self,
        context: RequestContext,
        objname: str,
        objmethod: str,
        object_versions: dict[str, str],
        args: list[typing.Any],
        kwargs: dict[str, typing.Any],
    ) -> typing.Any:
        version = object_versions[objname]
        cls = base.Resource.obj_class_from_name(objname, version)
        result = self._method(cls, objmethod)(context, *args, **kwargs)
        if isinstance(result, base.Resource):
            return result.obj_to_primitive(
                target_version=version, version_manifest=object_versions
            )
        return result

    @oslo_messaging.expected_exceptions(exception.ValenceError)
    def object_action(
        self,
        context: RequestContext,
        objinst: base.Resource,
        objmethod: str,
        args: list[typing.Any],
        kwargs: dict[str, typing.Any],
    ) -> tuple[dict[str, typing.Any], typing.Any]:
        before = objinst.obj_clone()
        result = self._method(objinst, objmethod)(*args, **kwargs)
        updates: dict[str, typing.Any] = {}
        for name, field in objinst.fields.items():
            if not objinst.obj_attr_is_set(name):
                continue
            value = getattr(objinst, name)
            if (
                not before.obj_attr_is_set(name)
                or getattr(before, name) != value
            ):
                updates[name] = field.to_primitive(objinst, name, value)
        updates["obj_what_changed"] = objinst.obj_what_changed()
        return updates, result

    def object_backport_versions(
        self,
        context: RequestContext,
        objinst: base.Resource,
        object_versions: dict[str, str],
    ) -> dict[str, typing.Any]:
        return objinst.obj_to_primitive(
            target_version=object_versions[objinst.obj_name()],
            version_manifest=object_versions,
        )

    @staticmethod
    def _method(owner: typing.Any, name: str) -> typing.Any:
        method = getattr(owner, name, None)
        if not getattr(method, "remotable", False):
            raise exception.BadRequest(f"'{name}' cannot be called remotely.")
        return method
