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

"""Rules of pooled devices.

Who looks at those of the own project sees what its nodes have, and nothing of
the pool.
"""

from valence.policies.base import ADMIN
from valence.policies.base import PROJECT_READER
from valence.policies.base import READ_ALL
from valence.policies.base import rule

RULES = [
    rule("devices:list", PROJECT_READER, "List devices.", "GET /v1/devices"),
    rule(
        "devices:show",
        PROJECT_READER,
        "Show a device.",
        "GET /v1/devices/{ident}",
    ),
    rule(
        "devices:stats",
        READ_ALL,
        "Count devices by their kind.",
        "GET /v1/devices/stats",
    ),
    rule(
        "devices:sync",
        ADMIN,
        "Read the devices of pod managers again.",
        "POST /v1/devices/sync",
    ),
]
