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

"""Rules of allocations.

They name pod managers and pools, so they are not for whoever has the node.
"""

from valence.policies.base import ADMIN
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule(
        "allocations:show",
        READ_ALL,
        "Show what a node holds.",
        "GET /v1/allocations/{ident}",
    ),
    rule(
        "allocations:replace",
        ADMIN,
        "Replace what a node holds of pools.",
        "PUT /v1/allocations/{ident}",
    ),
    rule(
        "allocations:delete",
        ADMIN,
        "Give back what a node holds of pools.",
        "DELETE /v1/allocations/{ident}",
    ),
]
