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

"""A rack that a pod manager reports."""

from valence.objects import base
from valence.objects import fields as f


@base.Registry.register
class Rack(base.Resource):
    """A rack and the systems in it."""

    VERSION = "1.0"
    NOUN = "rack"
    COLLECTION = "racks"

    fields = {
        "podm_id": f.Uuid(filterable=True, help="Its pod manager."),
        "index": f.String(
            filterable=True, help="Its identifier on the pod manager."
        ),
        "name": f.String(nullable=True, help="Name that it reports."),
        "resource_uri": f.String(
            length=512, help="Where the pod manager keeps it."
        ),
        "location": f.String(nullable=True, help="Where it stands."),
        "systems": f.Json(
            form=list,
            help="Identifiers, on the pod manager, of the systems in it.",
        ),
        "extra": f.Json(
            detail=True, help="What else the pod manager reports of it."
        ),
    }
