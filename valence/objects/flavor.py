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

"""A named set of requirements."""

from valence.objects import base
from valence.objects import fields as f

#: In place of a project.
EVERYBODYS = ""


@base.Registry.register
class Flavor(base.Resource):
    """What a node has to have at least."""

    VERSION = "1.0"
    NOUN = "flavor"
    COLLECTION = "flavors"
    OWNER = base.Owner.PUBLIC

    fields = {
        "name": f.String(
            access=f.Access.WRITE,
            filterable=True,
            help="Name, unique among the public flavors and among those of "
            "a project.",
        ),
        "description": f.String(
            access=f.Access.WRITE,
            nullable=True,
            length=1024,
            help="Free text.",
        ),
        "properties": f.Json(
            access=f.Access.WRITE,
            help="The requirements: memory (capacity_mib, type), processor "
            "(total_cores, model), pci_device (type) and remote_storage "
            "(capacity_gib, protocol, iscsi_address, master). Numbers may "
            "come as strings.",
        ),
        "resource_class": f.String(
            access=f.Access.WRITE,
            nullable=True,
            length=80,
            help="The class that Ironic offers its nodes as: letters, digits "
            "and . _ - of which Placement makes a name that begins with "
            "CUSTOM_.",
        ),
        "traits": f.Json(
            access=f.Access.WRITE,
            form=list,
            help="Traits that its nodes have in Ironic, such as CUSTOM_FAST.",
        ),
        "project_id": f.Project(
            access=f.Access.CREATE,
            filterable=True,
            help="The project that it is for; null where it is public.",
        ),
    }
