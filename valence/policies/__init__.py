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

"""Who may do what: the rules, and asking them.

The defaults stand here; an operator's ``policy.yaml`` has what is different.
A file that changes counts within a second.
"""

import threading
import time
import typing

from oslo_config import cfg
from oslo_log import log
from oslo_policy import policy

from valence.policies import allocation
from valence.policies import base
from valence.policies import device
from valence.policies import flavor
from valence.policies import inventory
from valence.policies import metrics
from valence.policies import node
from valence.policies import operation
from valence.policies import pod_manager
from valence.policies import rack
from valence.policies import resource_class
from valence.policies import resource_provider
from valence.policies import system

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: The rule that says who may know of the hardware that projects share.
HARDWARE = base.HARDWARE.name

_NOUNS = (
    allocation,
    device,
    flavor,
    inventory,
    metrics,
    node,
    operation,
    pod_manager,
    rack,
    resource_class,
    resource_provider,
    system,
)

#: Seconds between two looks for changed files: finding them takes longer than
#: asking a rule.
LOOK_INTERVAL = 1.0

_lock = threading.Lock()
_enforcer: policy.Enforcer | None = None
_looked_at = float("-inf")


def list_rules() -> list[policy.RuleDefault]:
    """What the tools of oslo.policy ask for."""
    rules: list[policy.RuleDefault] = [*base.PERSONAS, base.HARDWARE]
    for noun in _NOUNS:
        rules += noun.RULES
    return rules


def get_enforcer() -> policy.Enforcer:
    """The rules with what an operator's files change."""
    global _enforcer
    with _lock:
        if _enforcer is None:
            _enforcer = policy.Enforcer(CONF)
            _enforcer.register_defaults(list_rules())
        return _enforcer


def allows(
    rule: str, target: dict[str, typing.Any], context: typing.Any
) -> bool:
    """Ask one rule.

    :raises: oslo_policy.policy.PolicyNotRegistered
    """
    enforcer = get_enforcer()
    # While one thread reads a changed file, others would find half of it.
    with _lock:
        _look_for_changes(enforcer)
        return bool(enforcer.authorize(rule, target, context))


def _look_for_changes(enforcer: policy.Enforcer) -> None:
    global _looked_at
    if time.monotonic() - _looked_at < LOOK_INTERVAL:
        return
    _looked_at = time.monotonic()
    enforcer.use_conf = True
    try:
        enforcer.load_rules()
    except ValueError as e:
        # What it said before holds until it changes again.
        LOG.error("The policy file cannot be read: %s", e)
    finally:
        # It would look each time that a rule is asked.
        enforcer.use_conf = False


def check() -> None:
    """See that the operator's files can be used.

    :raises: ValueError, oslo_policy.policy.InvalidDefinitionError
    """
    enforcer = get_enforcer()
    enforcer.load_rules(force_reload=True)
    enforcer.check_rules(raise_on_violation=True)
    for name in enforcer.file_rules:
        if name.startswith("valence:") and (
            name not in enforcer.registered_rules
        ):
            # Spelled wrong, it would leave open what it is to close.
            raise ValueError(f"there is no rule '{name}'")


def reset() -> None:
    """Forget what was read: the configuration is another one."""
    global _enforcer, _looked_at
    with _lock:
        _enforcer, _looked_at = None, float("-inf")
