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

"""/v1/allocations"""

import webob
from wsme import types as wtypes

from valence import objects
from valence.api import providers
from valence.api import resource
from valence.api import types
from valence.api.call import Call


class Allocations(wtypes.Base):
    #: provider → {"resources": {class: amount}}
    allocations = wtypes.wsattr(types.DocumentType(), mandatory=True)


def show(call: Call) -> webob.Response:
    """Whose resources a node holds, and whose the node is."""
    call.query()
    node = resource.get(call, objects.Node)
    return call.answer(
        {
            "allocations": objects.Allocation.by_provider(
                call.context, node.uuid
            ),
            "project_id": node.project_id,
            "user_id": node.user_id,
        }
    )


def replace(call: Call) -> webob.Response:
    """What it holds of pools; all of it is given, or nothing changes."""
    call.query()
    asked = types.read(Allocations, call.json())
    wanted = providers.read_allocations(asked["allocations"])
    node = resource.get(call, objects.Node)
    objects.Allocation.replace(call.context, node.uuid, wanted)
    return call.answer(status=204)


def delete(call: Call) -> webob.Response:
    """Give back what it holds of pools."""
    call.query()
    call.no_body()
    node = resource.get(call, objects.Node)
    objects.Allocation.replace(call.context, node.uuid, {})
    return call.answer(status=204)
