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

"""/v1/flavors"""

import functools
import typing
import uuid

import webob

from valence import exception
from valence import objects
from valence.api import enrollment
from valence.api import providers
from valence.api import requirements
from valence.api import resource
from valence.api import types
from valence.api import work
from valence.api.call import Call

_TYPES: dict[str, typing.Any] = {
    "resource_class": enrollment.ResourceClassType(),
    "traits": [providers.TraitType()],
}
NEW = types.of_object(
    objects.Flavor, required=("name", "properties"), **_TYPES
)
CHANGED = types.of_object(objects.Flavor, **_TYPES)

find = functools.partial(resource.find, cls=objects.Flavor)
show = functools.partial(resource.show, cls=objects.Flavor)


def create(call: Call) -> webob.Response:
    call.query()
    values = call.read(NEW)
    values["properties"] = requirements.read(
        values["properties"], call.context.sees_hardware
    )
    values["traits"] = values.get("traits") or []
    own = None if call.context.all_projects else call.context.project_id
    given = values.get("project_id") or own
    if own not in (None, given):
        raise exception.Forbidden(
            "Only who may make flavors for all projects can make one for "
            "another than the own."
        )
    values["project_id"] = given or objects.flavor.EVERYBODYS
    flavor = objects.Flavor(call.context, uuid=str(uuid.uuid4()), **values)
    flavor.create()
    return resource.created(call, flavor)


def patch(call: Call) -> webob.Response:
    operations = resource.read_patch(call)

    def change() -> objects.Flavor:
        flavor = _to_change(call)
        values = resource.patched(call, flavor, operations, CHANGED)
        if "properties" in values:
            values["properties"] = requirements.read(
                values["properties"], call.context.sees_hardware
            )
        return resource.saved(flavor, values)

    return call.answer(work.document(call, resource.until_unchanged(change)))


def delete(call: Call) -> webob.Response:
    """Nodes that were composed by it keep what it said."""
    call.query()
    call.no_body()
    _to_change(call).destroy()
    return call.answer(status=204)


def _to_change(call: Call) -> objects.Flavor:
    """The flavor that the path names; what is everybody's is nobody's to
    change, but for who may change all.

    :raises: NotFound, Forbidden
    """
    flavor = resource.get(call, objects.Flavor)
    if not call.context.all_projects and (
        flavor.project_id != call.context.project_id
    ):
        raise exception.Forbidden(
            f"Flavor {flavor.label} is public: only who may change those of "
            "all projects can change it."
        )
    return flavor
