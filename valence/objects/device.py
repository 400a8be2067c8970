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

"""A pooled device."""

import typing

from valence import states
from valence.objects import base
from valence.objects import fields as f

if typing.TYPE_CHECKING:
    from valence.context import RequestContext

#: What ``?type=storage`` covers.
STORAGE_TYPES = ("SSD", "HDD", "NVMe", "Volume", "Storage")


@base.Registry.register
class Device(base.Resource):
    """A device that can be attached to a node and taken back."""

    VERSION = "1.0"
    NOUN = "device"
    COLLECTION = "devices"
    OWNER = base.Owner.NODE
    STATE = ("state", states.DEVICE)

    fields = {
        "podm_id": f.Uuid(
            filterable=True, hardware=True, help="Its pod manager."
        ),
        "index": f.String(
            access=f.Access.HIDDEN,
            filterable=True,
            help="Its identifier on the pod manager.",
        ),
        "type": f.String(
            length=64,
            filterable=True,
            help="NIC, SSD, GPU, …; a filter of storage finds all kinds of "
            "storage.",
        ),
        "name": f.String(nullable=True, help="Name that it reports."),
        "state": f.Enum(
            states.DEVICE.states,
            filterable=True,
            help="free, attaching, allocated or detaching.",
        ),
        "node_id": f.String(
            nullable=True,
            filterable=True,
            hardware=True,
            help="Index, on the pod manager, of the node that has it.",
        ),
        "node_uuid": f.Uuid(
            nullable=True,
            filterable=True,
            help="The node that has it, where that is known here.",
        ),
        "pooled_group_id": f.String(
            nullable=True,
            filterable=True,
            hardware=True,
            help="The fabric group that it stands in.",
        ),
        "resource_uri": f.String(
            length=512,
            filterable=True,
            hardware=True,
            help="Where the pod manager keeps it.",
        ),
        "rack_id": f.Uuid(
            nullable=True,
            filterable=True,
            hardware=True,
            help="The rack it stands in, where that is told.",
        ),
        "vendor": f.String(
            nullable=True, filterable=True, help="Who made it."
        ),
        "model": f.String(
            nullable=True, filterable=True, help="What its maker calls it."
        ),
        "capacity_gib": f.Integer(
            nullable=True, help="Size of a storage device, in whole GiB."
        ),
        "health": f.String(
            nullable=True, length=32, help="OK, Warning or Critical."
        ),
        "power_state": f.String(nullable=True, length=32, help="On, Off, …"),
        "properties": f.Json(
            form=dict, help="What it says of itself: model, serial, …"
        ),
        "extra": f.Json(form=dict, help="vendor_name, device_name and more."),
        "attached_here": f.Boolean(
            access=f.Access.HIDDEN,
            help="Valence attached it, and takes it back with the node.",
        ),
        "deleted_at": f.DateTime(
            nullable=True,
            help="When it disappeared; one that returns keeps its uuid.",
        ),
        "operation_id": f.Uuid(
            nullable=True, help="The operation that is in charge of it."
        ),
    }

    @classmethod
    @base.remotable
    def stats(
        cls, context: "RequestContext", filters: dict[str, typing.Any]
    ) -> list[dict[str, typing.Any]]:
        """How many there are by pod manager, resource class, vendor and
        model; one statement.

        :param filters: field → exact value, or several
        """
        return base.store().device_stats(context, filters)
