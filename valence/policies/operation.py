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

"""Rules of operations.

An operation belongs to the project of the node that it works on; one on a pod
manager belongs to none.
"""

from valence.policies.base import PROJECT_MEMBER
from valence.policies.base import PROJECT_READER
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule(
        "operations:list",
        PROJECT_READER,
        "List operations.",
        "GET /v1/operations",
    ),
    rule(
        "operations:show",
        PROJECT_READER,
        "Show an operation.",
        "GET /v1/operations/{ident}",
    ),
    rule(
        "operations:stats",
        READ_ALL,
        "Show how long operations take.",
        "GET /v1/operations/stats",
    ),
    rule(
        "operations:cancel",
        PROJECT_MEMBER,
        "Cancel an operation.",
        "POST /v1/operations/{ident}/cancel",
    ),
]
