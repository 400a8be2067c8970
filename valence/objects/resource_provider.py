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

"""Something that has resources to give."""

import typing

from valence.objects import base
from valence.objects import fields as f

POD_MANAGER = "pod_manager"
NODE = "node"
POOL = "pool"

#: resource class → numbers, as in Placement
Inventories = dict[str, dict[str, typing.Any]]


@base.Registry.register
class ResourceProvider(base.Resource):
    """A pod manager, a composed node, or a pool that an operator keeps.

    The first two have the uuid of what they stand for, and are kept by
    Valence; a pool is kept by its owner, over the API.
    """

    VERSION = "1.0"
    NOUN = "resource provider"
    COLLECTION = "resource_providers"

    fields = {
        "name": f.String(
            access=f.Access.WRITE,
            filterable=True,
            help="Name; that of the pod manager or node it stands for.",
        ),
        "kind": f.Enum(
            (POD_MANAGER, NODE, POOL),
            filterable=True,
            help="pod_manager, node, or pool: one that was created here.",
        ),
        "podm_id": f.Uuid(
            access=f.Access.CREATE,
            nullable=True,
            filterable=True,
            help="The pod manager that it belongs to. A pool with one serves "
            "the nodes of that pod manager, and goes with it; one without "
            "serves the nodes of all.",
        ),
        "description": f.String(
            access=f.Access.WRITE,
            nullable=True,
            length=1024,
            help="Free text.",
        ),
        "generation": f.Integer(
            help="Counts the changes of its inventories and traits.",
        ),
    }

    @base.remotable
    def read_inventories(self) -> Inventories:
        """What it has: total, reserved, min_unit, max_unit, step_size and
        allocation_ratio of each class; besides used and free."""
        return base.store().inventories(self._context, self)

    @base.remotable
    def write_inventories(
        self, inventories: Inventories, generation: int
    ) -> None:
        """Replace all that a pool has; one transaction.

        :param generation: that they were read at
        :raises: Changed, InUse (a class that is held would go), NotFound
        """
        base.store().set_inventories(
            self._context, self, inventories, generation
        )

    @base.remotable
    def read_traits(self) -> list[str]:
        return base.store().traits(self._context, self)

    @base.remotable
    def write_traits(self, traits: list[str], generation: int) -> None:
        """Replace its traits; one transaction.

        :raises: Changed, NotFound
        """
        base.store().set_traits(self._context, self, traits, generation)
