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

"""A computer that a node can be composed on."""

from valence.objects import base
from valence.objects import fields as f

FREE = "free"
IN_USE = "in_use"


@base.Registry.register
class System(base.Resource):
    """A computer that a pod manager reports."""

    VERSION = "1.0"
    NOUN = "system"
    COLLECTION = "systems"

    fields = {
        "podm_id": f.Uuid(filterable=True, help="Its pod manager."),
        "index": f.String(
            filterable=True, help="Its identifier on the pod manager."
        ),
        "name": f.String(nullable=True, help="Name that it reports."),
        "resource_uri": f.String(
            length=512, help="Where the pod manager keeps it."
        ),
        "hardware_uuid": f.String(
            nullable=True, help="UUID of the computer itself."
        ),
        "system_type": f.String(
            nullable=True, length=64, help="Physical, Virtual, …"
        ),
        "state": f.Enum(
            (FREE, IN_USE),
            filterable=True,
            help="Whether a node is composed on it.",
        ),
        "node_id": f.Uuid(
            nullable=True,
            filterable=True,
            help="The node that is composed on it; null where none is, or "
            "one that is not known here.",
        ),
        "rack_id": f.Uuid(
            nullable=True, filterable=True, help="The rack it stands in."
        ),
        "power_state": f.String(nullable=True, length=32, help="On, Off, …"),
        "health": f.String(
            nullable=True, length=32, help="OK, Warning or Critical."
        ),
        "cpu_count": f.Integer(nullable=True, help="Processor sockets."),
        "cpu_cores": f.Integer(nullable=True, help="Cores of all sockets."),
        "cpu_model": f.String(nullable=True, help="Processor model."),
        "memory_mib": f.Integer(nullable=True, help="Memory in MiB."),
        "mac_addresses": f.Json(
            form=list, help="MAC addresses of its interfaces."
        ),
        "extra": f.Json(
            detail=True, help="What else the pod manager reports of it."
        ),
    }
