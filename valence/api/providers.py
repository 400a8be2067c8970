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

import os_resource_classes
import os_traits
from wsme import types as wtypes

#: What Placement takes as well.
MOST = 2**31 - 1

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
