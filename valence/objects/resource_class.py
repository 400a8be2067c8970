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

"""A kind of thing that can be given and held."""

import os_resource_classes

from valence.objects import base
from valence.objects import fields as f

#: A computer that a node can be composed on, as a whole.
SYSTEM = "CUSTOM_SYSTEM"
#: A composed node, where its flavor says nothing else.
NODE = "CUSTOM_COMPOSED_NODE"

#: Device types that have a standard class; others have one of their own.
_STANDARD = {
    "GPU": os_resource_classes.PGPU,
    "FPGA": os_resource_classes.FPGA,
}


def of_device(device_type: str) -> str:
    """The class that pooled devices of a type are counted under."""
    return _STANDARD.get(device_type.upper()) or str(
        os_resource_classes.normalize_name(device_type)
    )


@base.Registry.register
class ResourceClass(base.Resource):
    """A standard class of OpenStack, or a custom one."""

    VERSION = "1.0"
    NOUN = "resource class"
    COLLECTION = "resource_classes"

    fields = {
        "name": f.String(
            access=f.Access.CREATE,
            unique=True,
            filterable=True,
            help="Standard name, such as PGPU, or ``CUSTOM_`` and capitals, "
            "digits and underscores.",
        ),
    }

    @property
    def standard(self) -> bool:
        """Whether it is OpenStack's own: such a class stays."""
        return not os_resource_classes.is_custom(self.name)
