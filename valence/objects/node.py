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

"""A composed node."""

from valence import states
from valence.objects import base
from valence.objects import fields as f

#: Who drives a node: Valence itself, or a provisioner, by its name.
VALENCE = "valence"
IRONIC = "ironic"


@base.Registry.register
class Node(base.Resource):
    """Hardware drawn from one pod manager, composed or adopted."""

    VERSION = "1.0"
    NOUN = "node"
    COLLECTION = "nodes"
    OWNER = base.Owner.PROJECT
    STATE = ("provision_state", states.NODE)

    fields = {
        "name": f.String(
            access=f.Access.WRITE,
            filterable=True,
            help="Name; need not be unique.",
        ),
        "description": f.String(
            access=f.Access.WRITE,
            nullable=True,
            length=1024,
            help="Free text.",
        ),
        "podm_id": f.Uuid(
            access=f.Access.CREATE,
            nullable=True,
            filterable=True,
            hardware=True,
            help="The pod manager that its hardware comes from. Where a "
            "request names none, one that can serve it is chosen.",
        ),
        "flavor_id": f.Uuid(
            access=f.Access.CREATE,
            nullable=True,
            filterable=True,
            help="The flavor that it was asked for by.",
        ),
        "properties": f.Json(
            access=f.Access.CREATE,
            detail=True,
            help="The requirements that it was asked for by.",
        ),
        "index": f.String(
            nullable=True,
            filterable=True,
            hardware=True,
            help="Its identifier on the pod manager.",
        ),
        "resource_uri": f.String(
            nullable=True,
            length=512,
            hardware=True,
            help="Where the pod manager keeps it.",
        ),
        "provision_state": f.Enum(
            states.NODE.states,
            filterable=True,
            help="Where it is in its life cycle.",
        ),
        "last_error": f.String(
            nullable=True,
            length=4096,
            instead="public_error",
            help="Why the last operation on it failed, or what was found "
            "out about it since.",
        ),
        "public_error": f.String(
            access=f.Access.HIDDEN,
            nullable=True,
            length=4096,
            help="The same, without what it tells of the hardware.",
        ),
        "composed": f.Boolean(
            filterable=True,
            help="True: Valence composed it; false: it was adopted.",
        ),
        "managed_by": f.String(
            length=64,
            filterable=True,
            help="Who drives it: valence, or the provisioner it is "
            "enrolled in.",
        ),
        "provisioner_state": f.String(
            nullable=True,
            length=64,
            help="Its state in the provisioner, as last seen: available, "
            "active, …",
        ),
        "resource_class": f.String(
            nullable=True,
            length=80,
            help="The class that the provisioner offers it as.",
        ),
        "traits": f.Json(
            form=list,
            help="Its traits in the provisioner, but for those that say what "
            "is attached to it.",
        ),
        "enrollment": f.Json(
            access=f.Access.HIDDEN,
            nullable=True,
            help="How it was asked to be enrolled, without the secrets; and "
            "how often the provisioner was told of a change in vain.",
        ),
        "power_state": f.String(
            nullable=True, length=32, help="On, Off, … as last seen."
        ),
        "boot": f.Json(
            help="Boot source override as last seen: target, enabled, mode.",
        ),
        "systems": f.Json(
            form=list,
            hardware=True,
            help="Where the pod manager keeps the systems that it is on.",
        ),
        "processors": f.Json(help="Its processors: count and model."),
        "memory_mib": f.Integer(nullable=True, help="Its memory in MiB."),
        "hardware_uuid": f.String(
            nullable=True,
            hardware=True,
            help="UUID that the pod manager gave it.",
        ),
        "assets": f.Json(
            access=f.Access.HIDDEN,
            nullable=True,
            help="What it is made of, as read when it was composed.",
        ),
        "operation_id": f.Uuid(
            nullable=True, help="The operation that is in charge of it."
        ),
        "project_id": f.String(
            nullable=True,
            filterable=True,
            length=64,
            help="The project that owns it.",
        ),
        "user_id": f.String(
            nullable=True, length=64, help="The user that asked for it."
        ),
    }
