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

"""Who there is, and how a rule is written.

The roles are those of Keystone: admin implies manager, manager implies
member, member implies reader. They count in the project of the token, but for
admin and service, which count everywhere.
"""

from oslo_policy import policy

#: Whatever project it belongs to.
ADMIN = "rule:admin_api"
#: To look: services too.
READ_ALL = "rule:admin_api or rule:service_api"
#: What belongs to the project of the token.
PROJECT_READER = f"rule:project_reader or {READ_ALL}"
PROJECT_MEMBER = f"rule:project_member or {ADMIN}"
PROJECT_MANAGER = f"rule:project_manager or {ADMIN}"

_OWN = "project_id:%(project_id)s"

PERSONAS = [
    policy.RuleDefault(
        "admin_api",
        "role:admin",
        "An administrator of the cloud: everything, in all projects.",
    ),
    policy.RuleDefault(
        "service_api",
        "role:service",
        "Another service: may look at everything, in all projects.",
    ),
    policy.RuleDefault(
        "project_reader",
        f"role:reader and {_OWN}",
        "Who may look at what belongs to the project.",
    ),
    policy.RuleDefault(
        "project_member",
        f"role:member and {_OWN}",
        "Who may use and change what belongs to the project.",
    ),
    policy.RuleDefault(
        "project_manager",
        f"role:manager and {_OWN}",
        "Who may set up the project.",
    ),
]


def rule(
    name: str, check: str, description: str, *operations: str
) -> policy.DocumentedRuleDefault:
    """One rule.

    :param operations: what it decides on, each as ``GET /v1/nodes``
    """
    return policy.DocumentedRuleDefault(
        f"valence:{name}",
        check,
        description,
        [
            {"method": method, "path": path}
            for method, path in (words.split() for words in operations)
        ],
        scope_types=["project"],
    )


HARDWARE = policy.RuleDefault(
    "valence:hardware",
    READ_ALL,
    "Know of the hardware that projects share: see, filter by and set the "
    "fields that tell of it, and read refusals in full.",
    scope_types=["project"],
)
