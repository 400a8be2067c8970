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

"""/v1/resource_providers/{ident}/inventories and usages"""

import typing

import webob
from wsme import types as wtypes

from valence import objects
from valence.api import providers
from valence.api import resource
from valence.api import types
from valence.api.call import Call
from valence.api.v1 import resource_provider
from valence.objects.inventory import TOLD


class Inventories(wtypes.Base):
    #: resource class → Inventory
    inventories = wtypes.wsattr(types.DocumentType(), mandatory=True)
    resource_provider_generation = wtypes.wsattr(
        wtypes.IntegerType(0), mandatory=True
    )


def show(call: Call) -> webob.Response:
    call.query()
    provider = resource.get(call, objects.ResourceProvider)
    return _shown(call, provider.generation, provider.read_inventories())


def replace(call: Call) -> webob.Response:
    """All that a pool has; what is not named goes."""
    call.query()
    asked = types.read(Inventories, call.json())
    wanted = providers.read_inventories(asked["inventories"])
    generation = asked["resource_provider_generation"]
    resource_provider.pool_of(call).write_inventories(wanted, generation)
    return _shown(call, generation + 1, wanted)


def usages(call: Call) -> webob.Response:
    call.query()
    provider = resource.get(call, objects.ResourceProvider)
    return call.answer(
        {
            "resource_provider_generation": provider.generation,
            "usages": {
                name: inventory["used"]
                for name, inventory in provider.read_inventories().items()
            },
        }
    )


def _shown(
    call: Call, generation: int, found: dict[str, dict[str, typing.Any]]
) -> webob.Response:
    return call.answer(
        {
            "resource_provider_generation": generation,
            "inventories": {
                name: {key: found[name][key] for key in TOLD}
                for name in sorted(found)
            },
        }
    )
