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

"""Who holds what."""

import typing

from valence.objects import base
from valence.objects import fields as f

if typing.TYPE_CHECKING:
    from valence.context import RequestContext


@base.Registry.register
class Allocation(base.Resource):
    """Who holds how much of what."""

    VERSION = "1.0"
    NOUN = "allocation"
    COLLECTION = "allocations"

    fields = {
        "consumer_id": f.Uuid(filterable=True, help="The node that holds it."),
        "provider_id": f.Uuid(filterable=True, help="Whose it is."),
        "resource_class": f.String(help="What it is."),
        "used": f.Integer(help="How much."),
    }

    @classmethod
    @base.remotable
    def by_provider(
        cls, context: "RequestContext", consumer_id: str
    ) -> dict[str, dict[str, typing.Any]]:
        """What a node holds: provider → ``generation`` and ``resources``,
        the amount of each class."""
        return base.store().allocations(context, consumer_id)

    @classmethod
    @base.remotable
    def replace(
        cls,
        context: "RequestContext",
        consumer_id: str,
        wanted: dict[str, dict[str, int]],
    ) -> None:
        """Set what a node holds of pools: one transaction, all or nothing.

        What it holds of its pod manager is not touched.

        :param wanted: provider → resource class → amount; empty gives all
            of it back
        :raises: NotFound (node, provider), WrongState, Conflict (not a pool
            of this node's pod manager), NotEnough
        """
        base.store().set_allocations(context, consumer_id, wanted)
