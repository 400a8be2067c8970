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

"""How much there is of something."""

from valence.objects import base
from valence.objects import fields as f

#: What its owner says of one, in Placement's words.
TOLD = (
    "total",
    "reserved",
    "min_unit",
    "max_unit",
    "step_size",
    "allocation_ratio",
)


@base.Registry.register
class Inventory(base.Resource):
    """How much of one class a provider has."""

    VERSION = "1.0"
    NOUN = "inventory"
    COLLECTION = "inventories"

    fields = {
        "provider_id": f.Uuid(filterable=True, help="Who has it."),
        "resource_class": f.String(filterable=True, help="What it is."),
        "total": f.Integer(help="How much there is."),
        "reserved": f.Integer(
            help="How much of it is not to be had. With a pod manager: held "
            "by others than Valence's nodes.",
        ),
        "min_unit": f.Integer(help="The least that can be asked for."),
        "max_unit": f.Integer(help="The most that can be asked for at once."),
        "step_size": f.Integer(help="It is given in multiples of this."),
        "allocation_ratio": f.Float(
            help="How much more than there is may be given; 1.0: no more.",
        ),
        "used": f.Integer(help="How much is held."),
        "free": f.Integer(
            help="(total - reserved) * allocation_ratio - used.",
        ),
        "device_type": f.String(
            access=f.Access.HIDDEN,
            nullable=True,
            length=64,
            help="The type of the devices that it counts, where all are of "
            "one type and each system reaches them: how many are free is "
            "then all there is to know.",
        ),
    }
