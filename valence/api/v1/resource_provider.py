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

"""/v1/resource_providers, and their traits"""

import functools
import typing
import uuid

import webob
from wsme import types as wtypes

from valence import exception
from valence import objects
from valence.api import providers
from valence.api import resource
from valence.api import types
from valence.api import work
from valence.api.call import Call
from valence.objects import resource_provider as kinds

_IDENT = wtypes.StringType(min_length=1, max_length=255)

NEW = types.of_object(
    objects.ResourceProvider,
    required=("name",),
    podm_id=_IDENT,
    # That of what the pool stands for, where that has one.
    more={"uuid": wtypes.wsattr(wtypes.UuidType())},
)
CHANGED = types.of_object(objects.ResourceProvider)


class Traits(wtypes.Base):
    traits = wtypes.wsattr([providers.TraitType()], mandatory=True)
    resource_provider_generation = wtypes.wsattr(
        wtypes.IntegerType(0), mandatory=True
    )


find = functools.partial(
    resource.find,
    cls=objects.ResourceProvider,
    more={
        "resources": providers.read_resources,
        "required": providers.read_required,
    },
)
show = functools.partial(resource.show, cls=objects.ResourceProvider)


def create(call: Call) -> webob.Response:
    """A pool; the others come by themselves."""
    call.query()
    values = call.read(NEW)
    if values.get("podm_id"):
        podm = resource.referred(call, objects.PodManager, "podm_id", values)
        values["podm_id"] = podm.uuid
    if values.get("uuid"):
        _refuse_if_taken(call, values["uuid"])
    else:
        values["uuid"] = str(uuid.uuid4())
    pool = objects.ResourceProvider(
        call.context, kind=kinds.POOL, generation=0, **values
    )
    pool.create()
    return resource.created(call, pool)


def _refuse_if_taken(call: Call, ident: str) -> None:
    """See that nothing has this uuid that becomes a provider by itself."""
    one: typing.Any
    for one in (objects.PodManager, objects.Node):
        page = {"filters": {"uuid": ident}, "limit": 1, "fields": ["uuid"]}
        if one.find(call.context, page):
            raise exception.Conflict(
                f"uuid: {ident} is the uuid of a {one.NOUN}."
            )


def pool_of(call: Call) -> objects.ResourceProvider:
    """The pool that the path names.

    :raises: NotFound, Ambiguous; Conflict, where it is no pool
    """
    found = resource.get(call, objects.ResourceProvider)
    if found.kind != kinds.POOL:
        raise exception.Conflict(
            f"Resource provider {found.label} is a "
            f"{found.kind.replace('_', ' ')}: Valence keeps it, and what it "
            "has."
        )
    return found


def patch(call: Call) -> webob.Response:
    operations = resource.read_patch(call)

    def change() -> objects.ResourceProvider:
        pool = pool_of(call)
        values = resource.patched(call, pool, operations, CHANGED)
        return resource.saved(pool, values)

    return call.answer(work.document(call, resource.until_unchanged(change)))


def delete(call: Call) -> webob.Response:
    """Refused while a node holds something of it."""
    call.query()
    call.no_body()
    pool_of(call).destroy()
    return call.answer(status=204)


def traits(call: Call) -> webob.Response:
    call.query()
    found = resource.get(call, objects.ResourceProvider)
    return _shown(call, found.generation, found.read_traits())


def set_traits(call: Call) -> webob.Response:
    """Replace them; those of pod managers are what flavors speak of."""
    call.query()
    asked = types.read(Traits, call.json())
    found = resource.get(call, objects.ResourceProvider)
    if found.kind == kinds.NODE:
        raise exception.Conflict(
            f"Resource provider {found.label} is a node: it has no traits."
        )
    generation = asked["resource_provider_generation"]
    wanted = sorted(set(asked["traits"]))
    providers.at_most(providers.MOST_TRAITS, len(wanted), "traits", "traits")
    found.write_traits(wanted, generation)
    return _shown(call, generation + 1, wanted)


def _shown(call: Call, generation: int, found: list[str]) -> webob.Response:
    return call.answer(
        {"resource_provider_generation": generation, "traits": found}
    )
