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

"""Rules of resource classes."""

from valence.policies.base import ADMIN
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule(
        "resource_classes:list",
        READ_ALL,
        "List resource classes.",
        "GET /v1/resource_classes",
    ),
    rule(
        "resource_classes:show",
        READ_ALL,
        "Show a resource class.",
        "GET /v1/resource_classes/{ident}",
    ),
    rule(
        "resource_classes:create",
        ADMIN,
        "Make a resource class.",
        "POST /v1/resource_classes",
    ),
    rule(
        "resource_classes:delete",
        ADMIN,
        "Delete a resource class.",
        "DELETE /v1/resource_classes/{ident}",
    ),
]
