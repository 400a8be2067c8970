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

"""/v1/resource_classes"""

import functools
import uuid

import webob

from valence import exception
from valence import objects
from valence.api import providers
from valence.api import resource
from valence.api import types
from valence.api.call import Call

NEW = types.of_object(
    objects.ResourceClass, required=("name",), name=providers.ClassType()
)

find = functools.partial(resource.find, cls=objects.ResourceClass)
show = functools.partial(resource.show, cls=objects.ResourceClass)


def create(call: Call) -> webob.Response:
    call.query()
    values = call.read(NEW)
    new = objects.ResourceClass(call.context, uuid=str(uuid.uuid4()), **values)
    new.create()
    return resource.created(call, new)


def delete(call: Call) -> webob.Response:
    """Refused while somebody has some of it."""
    call.query()
    call.no_body()
    found = resource.get(call, objects.ResourceClass)
    if found.standard:
        raise exception.Conflict(
            f"{found.name} is a standard class of OpenStack: it stays."
        )
    found.destroy()
    return call.answer(status=204)
