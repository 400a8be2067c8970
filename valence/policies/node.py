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

"""Rules of nodes."""

from valence.policies.base import ADMIN
from valence.policies.base import PROJECT_MEMBER
from valence.policies.base import PROJECT_READER
from valence.policies.base import rule

RULES = [
    rule("nodes:list", PROJECT_READER, "List nodes.", "GET /v1/nodes"),
    rule(
        "nodes:show", PROJECT_READER, "Show a node.", "GET /v1/nodes/{ident}"
    ),
    rule(
        "nodes:assets",
        PROJECT_READER,
        "Show what a node is made of.",
        "GET /v1/nodes/{ident}/assets",
        "GET /v1/nodes/{ident}/storages",
    ),
    rule("nodes:compose", PROJECT_MEMBER, "Compose a node.", "POST /v1/nodes"),
    rule(
        "nodes:manage",
        ADMIN,
        "Adopt a node that stands composed on the hardware.",
        "POST /v1/nodes/manage",
    ),
    rule(
        "nodes:update",
        PROJECT_MEMBER,
        "Change what a node is called.",
        "PATCH /v1/nodes/{ident}",
    ),
    rule(
        "nodes:release",
        PROJECT_MEMBER,
        "Give a node's hardware back.",
        "DELETE /v1/nodes/{ident}",
    ),
    rule(
        "nodes:action",
        PROJECT_MEMBER,
        "Switch a node, set what it boots from, attach and detach devices.",
        "POST /v1/nodes/{ident}/action",
    ),
    rule(
        "nodes:register",
        ADMIN,
        "Enroll a node in Ironic. Who may names the BMC, with its secrets, "
        "that Ironic will speak to.",
        "POST /v1/nodes/{ident}/register",
    ),
    rule(
        "nodes:unregister",
        ADMIN,
        "Take a node out of Ironic.",
        "POST /v1/nodes/{ident}/unregister",
    ),
]
