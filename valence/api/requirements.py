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

"""What a node may be asked to have: a flavor's properties, or its own."""

import typing

from wsme import types as wtypes

from valence import exception
from valence.api import providers
from valence.api import types
from valence.objects import requirements as needed

#: No hardware has more; a typing error does.
MOST_CORES = 65_536
MOST_MIB = 2**31
MOST_GIB = 2**31
MOST_DEVICES = 1024


class Processor(wtypes.Base):
    model = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))
    total_cores = wtypes.wsattr(wtypes.IntegerType(1, MOST_CORES))


class Memory(wtypes.Base):
    type = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=64))
    capacity_mib = wtypes.wsattr(wtypes.IntegerType(1, MOST_MIB))


class Device(wtypes.Base):
    """Pooled devices, alike."""

    type = wtypes.wsattr(
        wtypes.StringType(min_length=1, max_length=64), mandatory=True
    )
    count = wtypes.wsattr(wtypes.IntegerType(1, MOST_DEVICES))
    vendor = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))
    model = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))
    capacity_gib = wtypes.wsattr(wtypes.IntegerType(1, MOST_GIB))


class PciDevice(wtypes.Base):
    type = wtypes.wsattr([wtypes.StringType(min_length=1, max_length=64)])
    devices = wtypes.wsattr([Device])


class Master(wtypes.Base):
    type = wtypes.wsattr(wtypes.Enum(str, "Snapshot", "Clone"), mandatory=True)
    address = wtypes.wsattr(wtypes.StringType(max_length=255))
    resource = wtypes.wsattr(wtypes.StringType(max_length=512))


class RemoteStorage(wtypes.Base):
    capacity_gib = wtypes.wsattr(
        wtypes.IntegerType(1, MOST_GIB), mandatory=True
    )
    protocol = wtypes.wsattr(wtypes.Enum(str, "iSCSI", "NVMeOverFabrics"))
    # Of all projects' drives: what is on them is not for everybody.
    iscsi_address = types.of_hardware(
        wtypes.wsattr(wtypes.StringType(max_length=255))
    )
    master = types.of_hardware(wtypes.wsattr(Master))


class Placement(wtypes.Base):
    """Where."""

    rack = types.of_hardware(
        wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))
    )
    location = types.of_hardware(
        wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))
    )
    same_rack = wtypes.wsattr(bool)
    same_pool = wtypes.wsattr(bool)


class Traits(wtypes.Base):
    """Of the pod manager."""

    required = wtypes.wsattr([providers.TraitType()])
    forbidden = wtypes.wsattr([providers.TraitType()])


class Properties(wtypes.Base):
    memory = wtypes.wsattr(Memory)
    processor = wtypes.wsattr(Processor)
    pci_device = wtypes.wsattr(PciDevice)
    remote_storage = wtypes.wsattr(RemoteStorage)
    placement = wtypes.wsattr(Placement)
    traits = wtypes.wsattr(Traits)
    #: resource class → amount, of pools
    resources = wtypes.wsattr(types.DocumentType())


def read(
    value: typing.Any, hardware: bool, path: str = "properties"
) -> dict[str, typing.Any]:
    """Check and normalize requirements: numbers become numbers.

    :param hardware: whether who asks may know of the hardware
    :raises: InvalidField, UnknownField, ForbiddenField, MissingField
    """
    requirements = {
        key: _without_null(wanted or {})
        for key, wanted in types.read(
            Properties, value, path, hardware=hardware
        ).items()
    }
    for key, wanted in requirements.items():
        if not wanted or [] in wanted.values():
            raise exception.InvalidField(
                field=f"{path}.{key}", reason="it says nothing."
            )
    _check(requirements, path)
    return requirements


def _check(requirements: dict[str, typing.Any], path: str) -> None:
    """What takes a second look."""
    asked = requirements.get("pci_device")
    if asked is not None:
        count = len(asked.get("type", ())) + sum(
            one.get("count", 1) for one in asked.get("devices", ())
        )
        if count > MOST_DEVICES:
            raise exception.InvalidField(
                field=f"{path}.pci_device",
                reason=f"it asks for more than {MOST_DEVICES} devices.",
            )
    wanted = needed.of(requirements)
    for key, some, what in (
        ("pci_device", wanted.devices, "kinds of devices"),
        (
            "traits",
            [*wanted.required_traits, *wanted.forbidden_traits],
            "traits",
        ),
        ("resources", wanted.resources, "resource classes"),
    ):
        providers.at_most(
            providers.MOST_KINDS, len(some), what, f"{path}.{key}"
        )
    both = wanted.required_traits & wanted.forbidden_traits
    if both:
        raise exception.InvalidField(
            field=f"{path}.traits",
            reason=f"{min(both)} is both required and forbidden.",
        )
    if "resources" in requirements:
        requirements["resources"] = providers.read_amounts(
            requirements["resources"], f"{path}.resources"
        )


def _without_nulls(value: typing.Any) -> typing.Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return _without_null(value) if isinstance(value, dict) else value


def _without_null(value: dict[str, typing.Any]) -> dict[str, typing.Any]:
    return {
        name: _without_nulls(item)
        for name, item in value.items()
        if item is not None
    }
