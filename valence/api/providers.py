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

"""What resource providers are asked for and told, in Placement's terms."""

import math
import re
import typing

import os_resource_classes
import os_traits
from wsme import types as wtypes

from valence import exception
from valence.api import types

#: What Placement takes as well.
MOST = 2**31 - 1
#: Kinds of devices, traits, or resource classes that are asked for: for each
#: of them the database joins a table, and none joins many.
MOST_KINDS = 32
#: That one provider has, or one node holds: for each of them a row is written.
MOST_CLASSES = 256
MOST_TRAITS = 1024

_CUSTOM = re.compile("CUSTOM_[A-Z0-9_]+")


class ClassType(wtypes.StringType):
    """The name of a resource class."""

    def __init__(self) -> None:
        super().__init__(min_length=1, max_length=255)

    def validate(self, value: str) -> str:
        if value in os_resource_classes.STANDARDS or _CUSTOM.fullmatch(value):
            return value
        raise ValueError(
            "the name of a resource class is wanted: a standard one, or "
            "CUSTOM_ and capitals, digits and underscores"
        )


class TraitType(wtypes.StringType):
    """A trait: one of the standard ones, or a custom one."""

    def __init__(self) -> None:
        super().__init__(min_length=1, max_length=255)

    def validate(self, value: str) -> str:
        if _CUSTOM.fullmatch(value) or value in _STANDARD_TRAITS:
            return value
        raise ValueError(
            "a trait is wanted: a standard one, or CUSTOM_ and capitals, "
            "digits and underscores"
        )


_STANDARD_TRAITS = frozenset(os_traits.get_traits())


class RatioType(wtypes.UserType):
    """A positive number."""

    basetype = float
    name = "ratio"

    @staticmethod
    def validate(value: object) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or not 0 < value <= MOST
        ):
            raise ValueError("a positive number is wanted")
        return float(value)


class Inventory(wtypes.Base):
    total = wtypes.wsattr(wtypes.IntegerType(0, MOST), mandatory=True)
    reserved = wtypes.wsattr(wtypes.IntegerType(0, MOST))
    min_unit = wtypes.wsattr(wtypes.IntegerType(1, MOST))
    max_unit = wtypes.wsattr(wtypes.IntegerType(1, MOST))
    step_size = wtypes.wsattr(wtypes.IntegerType(1, MOST))
    allocation_ratio = wtypes.wsattr(RatioType())


#: What is not said; ``total`` is.
DEFAULTS = {
    "reserved": 0,
    "min_unit": 1,
    "max_unit": MOST,
    "step_size": 1,
    "allocation_ratio": 1.0,
}

_AMOUNT = wtypes.IntegerType(1, MOST)


class Held(wtypes.Base):
    #: resource class → amount
    resources = wtypes.wsattr(types.DocumentType(), mandatory=True)


def at_most(most: int, count: int, what: str, field: str) -> None:
    """Refuse what is more than anybody needs, before it costs anything."""
    if count > most:
        raise exception.InvalidField(
            field=field, reason=f"it names more than {most} {what}."
        )


# -- bodies -------------------------------------------------------------------


def read_amounts(value: dict[str, typing.Any], path: str) -> dict[str, int]:
    """Resource class → amount; at least one."""
    if not value:
        raise exception.InvalidField(field=path, reason="it says nothing.")
    at_most(MOST_CLASSES, len(value), "resource classes", path)
    return {
        types.scalar(ClassType(), name, f"{path}.{name}"[:255]): types.scalar(
            _AMOUNT, amount, f"{path}.{name}"[:255]
        )
        for name, amount in value.items()
    }


def read_inventories(
    value: dict[str, typing.Any],
) -> dict[str, dict[str, typing.Any]]:
    """Resource class → what is told of it, the defaults filled in."""
    at_most(MOST_CLASSES, len(value), "resource classes", "inventories")
    found = {}
    for name, told in value.items():
        path = f"inventories.{name}"[:255]
        types.scalar(ClassType(), name, path)
        given = {
            key: item
            for key, item in types.read(Inventory, told, path).items()
            if item is not None
        }
        found[name] = _checked({**DEFAULTS, **given}, path)
    return found


def _checked(told: dict[str, typing.Any], path: str) -> dict[str, typing.Any]:
    for name, most in (("reserved", "total"), ("min_unit", "max_unit")):
        if told[name] > told[most]:
            raise exception.InvalidField(
                field=f"{path}.{name}", reason=f"it is more than {most}."
            )
    return told


def read_allocations(
    value: dict[str, typing.Any],
) -> dict[str, dict[str, int]]:
    """Provider → resource class → amount."""
    at_most(MOST_CLASSES, len(value), "providers", "allocations")
    found = {}
    for ident, held in value.items():
        path = f"allocations.{ident}"[:255]
        provider = types.scalar(wtypes.UuidType(), ident, path)
        if provider in found:
            raise exception.InvalidField(
                field=path, reason="it is given twice."
            )
        asked = types.read(Held, held, path)
        found[provider] = read_amounts(asked["resources"], f"{path}.resources")
    count = sum(map(len, found.values()))
    at_most(MOST_CLASSES, count, "resource classes", "allocations")
    return found


# -- queries ------------------------------------------------------------------


def read_resources(value: str) -> dict[str, int]:
    """``PGPU:2,CUSTOM_LICENSE:1``, as Placement spells it."""
    found: dict[str, int] = {}
    at_most(MOST_KINDS, value.count(",") + 1, "classes", "resources")
    for part in value.split(","):
        name, colon, amount = part.partition(":")
        if not colon:
            raise exception.InvalidField(
                field="resources",
                reason="CLASS:AMOUNT is wanted, with commas between them.",
            )
        types.scalar(ClassType(), name, "resources")
        if name in found:
            raise exception.InvalidField(
                field="resources", reason=f"{name} is given twice."
            )
        found[name] = types.scalar(_AMOUNT, amount, "resources")
    return found


def read_required(value: str) -> dict[str, bool]:
    """``CUSTOM_QUIET,!CUSTOM_OLD``: trait → whether it has to be there."""
    found: dict[str, bool] = {}
    at_most(MOST_KINDS, value.count(",") + 1, "traits", "required")
    for part in value.split(","):
        trait = types.scalar(TraitType(), part.removeprefix("!"), "required")
        if found.setdefault(trait, part == trait) != (part == trait):
            raise exception.InvalidField(
                field="required",
                reason=f"{trait} is both required and forbidden.",
            )
    return found
