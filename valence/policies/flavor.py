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

"""Rules of flavors.

Who looks at those of the own project sees the public ones, too.
"""

from valence.policies.base import PROJECT_MANAGER
from valence.policies.base import PROJECT_READER
from valence.policies.base import rule

RULES = [
    rule("flavors:list", PROJECT_READER, "List flavors.", "GET /v1/flavors"),
    rule(
        "flavors:show",
        PROJECT_READER,
        "Show a flavor.",
        "GET /v1/flavors/{ident}",
    ),
    rule(
        "flavors:create",
        PROJECT_MANAGER,
        "Make a flavor. Public ones, and those of other projects, are for "
        "those whom the rule lets act for all projects.",
        "POST /v1/flavors",
    ),
    rule(
        "flavors:update",
        PROJECT_MANAGER,
        "Change a flavor.",
        "PATCH /v1/flavors/{ident}",
    ),
    rule(
        "flavors:delete",
        PROJECT_MANAGER,
        "Delete a flavor.",
        "DELETE /v1/flavors/{ident}",
    ),
]
