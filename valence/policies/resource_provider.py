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

"""Rules of resource providers."""

from valence.policies.base import ADMIN
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule(
        "resource_providers:list",
        READ_ALL,
        "List resource providers.",
        "GET /v1/resource_providers",
    ),
    rule(
        "resource_providers:show",
        READ_ALL,
        "Show a resource provider, and its traits.",
        "GET /v1/resource_providers/{ident}",
        "GET /v1/resource_providers/{ident}/traits",
    ),
    rule(
        "resource_providers:create",
        ADMIN,
        "Make a pool.",
        "POST /v1/resource_providers",
    ),
    rule(
        "resource_providers:update",
        ADMIN,
        "Change what a pool is called.",
        "PATCH /v1/resource_providers/{ident}",
    ),
    rule(
        "resource_providers:delete",
        ADMIN,
        "Delete a pool.",
        "DELETE /v1/resource_providers/{ident}",
    ),
    rule(
        "resource_providers:set_traits",
        ADMIN,
        "Replace the traits of a pod manager or a pool.",
        "PUT /v1/resource_providers/{ident}/traits",
    ),
]
