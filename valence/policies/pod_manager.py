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

"""Rules of pod managers."""

from valence.policies.base import ADMIN
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule(
        "pod_managers:list",
        READ_ALL,
        "List pod managers.",
        "GET /v1/pod_managers",
    ),
    rule(
        "pod_managers:show",
        READ_ALL,
        "Show a pod manager.",
        "GET /v1/pod_managers/{ident}",
    ),
    rule(
        "pod_managers:audit",
        READ_ALL,
        "Compare what a pod manager holds with what is known of it.",
        "GET /v1/pod_managers/{ident}/audit",
    ),
    rule(
        "pod_managers:create",
        ADMIN,
        "Register a pod manager.",
        "POST /v1/pod_managers",
    ),
    rule(
        "pod_managers:update",
        ADMIN,
        "Change a pod manager, its credentials among the rest.",
        "PATCH /v1/pod_managers/{ident}",
    ),
    rule(
        "pod_managers:delete",
        ADMIN,
        "Delete a pod manager.",
        "DELETE /v1/pod_managers/{ident}",
    ),
    rule(
        "pod_managers:sync",
        ADMIN,
        "Read a pod manager's inventory again.",
        "POST /v1/pod_managers/{ident}/sync",
    ),
]
