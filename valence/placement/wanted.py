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

"""What Placement is to hold, made of our rows and of nothing else."""

import dataclasses
import math
import typing

import os_traits
from oslo_config import cfg

from valence.db import accounts
from valence.db import ledger
from valence.objects import resource_provider

CONF = cfg.CONF

#: resource class → numbers
Inventories = dict[str, dict[str, typing.Any]]

#: What our consumers are, in Placement's reports of usage.
CONSUMER_TYPE = "VALENCE_NODE"
#: What Placement itself puts where nobody is known.
NOBODY = "00000000-0000-0000-0000-000000000000"
#: The most characters of a name there.
LONGEST_NAME = 200
#: ``managed_by`` of a node that nobody else drives.
OURSELVES = "valence"


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """
    :ivar names: the first is wanted; the second, if somebody has that one
    """

    uuid: str
    kind: str
    names: tuple[str, str]
    inventories: Inventories
    traits: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """What a consumer is and holds.

    :ivar holds: provider → resource class → amount
    """

    project_id: str
    user_id: str
    consumer_type: str
    holds: accounts.Amounts


NOTHING = Claim(NOBODY, NOBODY, CONSUMER_TYPE, {})


def marks() -> frozenset[str]:
    """The traits that tell that a provider is ours, and no compute host.

    Nova gives no instance to a provider that has the second.
    """
    return frozenset(
        {CONF.placement.managed_trait, os_traits.COMPUTE_STATUS_DISABLED}
    )


def providers(key: str, group: ledger.Group) -> dict[str, Provider]:
    """The providers of a group; a node that somebody else drives is not."""
    held: dict[str, list[int]] = {}
    for consumer in group.consumers.values():
        for name, amount in consumer.holds.get(key, {}).items():
            held.setdefault(name, []).append(amount)
    return {
        one.uuid: Provider(
            one.uuid,
            one.kind,
            names(one.uuid, one.name),
            inventories(one.inventories, held if one.uuid == key else {}),
            one.traits | marks(),
        )
        for one in group.providers
        if one.kind != resource_provider.NODE or one.managed_by == OURSELVES
    }


def names(uuid: str, name: str) -> tuple[str, str]:
    """Names are unique in Placement, and Nova's hosts have theirs there.

    A node that is called compute-7 must not take the name that the
    nova-compute on it will want.
    """
    behind = f" ({uuid})"
    # What not every database of Placement can keep.
    plain = "".join(
        one if one.isprintable() and one <= "\uffff" else "?" for one in name
    )
    return plain[: LONGEST_NAME - len(behind)] + behind, f"valence:{uuid}"


def inventories(
    ours: Inventories, held: typing.Mapping[str, list[int]]
) -> Inventories:
    """
    :param held: resource class → the amount of each that holds some of it
    """
    found = {
        name: fitting(told, held.get(name, [])) for name, told in ours.items()
    }
    # Placement knows no inventory of nothing.
    return {name: told for name, told in found.items() if told["total"]}


def fitting(
    told: typing.Mapping[str, typing.Any], held: list[int]
) -> dict[str, typing.Any]:
    """An inventory of which Placement lets these amounts be held.

    Where more is held than there is, because a device was pulled or an owner
    has made a pool smaller, it is told of as much as is held.
    """
    fitted = dict(told)
    fitted["reserved"] = min(told["reserved"], told["total"])
    if not held:
        return fitted
    fitted["min_unit"] = min(told["min_unit"], *held)
    fitted["max_unit"] = max(told["max_unit"], *held)
    fitted["step_size"] = math.gcd(told["step_size"], *held)
    if accounts.capacity(fitted) < sum(held):
        fitted["total"] = fitted["reserved"] + math.ceil(
            sum(held) / told["allocation_ratio"]
        )
    if accounts.capacity(fitted) < sum(held):
        fitted["total"] += 1  # what the division rounded away
    return fitted


def claim(consumer: ledger.Consumer, classes: typing.Container[str]) -> Claim:
    """
    :param classes: those that Placement knows
    """
    holds = {
        provider: {
            name: amount for name, amount in amounts.items() if name in classes
        }
        for provider, amounts in consumer.holds.items()
    }
    return Claim(
        consumer.project_id or NOBODY,
        consumer.user_id or NOBODY,
        CONSUMER_TYPE,
        {provider: amounts for provider, amounts in holds.items() if amounts},
    )
