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
"""How a node is to be enrolled, as requests say it."""

import re
import typing

from wsme import types as wtypes

from valence import exception
from valence.api import providers
from valence.api import types

#: Of Ironic's interfaces, those that a request may choose.
INTERFACES = (
    "bios",
    "boot",
    "console",
    "deploy",
    "firmware",
    "inspect",
    "management",
    "network",
    "power",
    "raid",
    "rescue",
    "storage",
    "vendor",
)
MOST_ENTRIES = 64
MOST_TEXT = 4096

_NAME = wtypes.StringType(min_length=1, max_length=255)


class ResourceClassType(wtypes.StringType):
    """A resource class of Ironic, of which Placement makes a name."""

    def __init__(self) -> None:
        super().__init__(min_length=1, max_length=80)

    def validate(self, value: str) -> str:
        if re.fullmatch("[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*", value):
            return value
        raise ValueError("letters, digits and . _ - are wanted")


class MacType(wtypes.StringType):
    """A MAC address."""

    def __init__(self) -> None:
        super().__init__(min_length=1, max_length=17)

    def validate(self, value: str) -> str:
        address = value.lower().replace("-", ":")
        if re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", address):
            return address
        raise ValueError("a MAC address such as 52:54:00:12:34:56 is wanted")


class Port(wtypes.Base):
    address = wtypes.wsattr(MacType(), mandatory=True)
    physical_network = wtypes.wsattr(
        wtypes.StringType(min_length=1, max_length=64)
    )


class Enrollment(wtypes.Base):
    """What is left out is taken from what is known of the node."""

    driver = wtypes.wsattr(_NAME)
    driver_info = wtypes.wsattr(types.DocumentType())
    interfaces = wtypes.wsattr(types.DocumentType())
    properties = wtypes.wsattr(types.DocumentType())
    resource_class = wtypes.wsattr(ResourceClassType())
    traits = wtypes.wsattr([providers.TraitType()])
    ports = wtypes.wsattr([Port])
    physical_network = wtypes.wsattr(
        wtypes.StringType(min_length=1, max_length=64)
    )
    target = wtypes.wsattr(
        wtypes.Enum(str, "enroll", "manageable", "available")
    )


class Asked(typing.NamedTuple):
    """An enrollment, taken apart by who may see it."""

    #: For the operation, and for the node to remember.
    document: dict[str, typing.Any]
    #: For the operation alone.
    secrets: dict[str, typing.Any] | None
    #: None: as the node has it.
    resource_class: str | None
    traits: list[str] | None


def read(value: typing.Any, path: str = "") -> Asked:
    """Check an enrollment.

    :raises: InvalidField, UnknownField, MissingField
    """

    def where(field: str) -> str:
        return f"{path}.{field}" if path else field

    given = {
        name: item
        for name, item in types.read(Enrollment, value, path).items()
        if item is not None
    }
    secrets = None
    driver_info = given.pop("driver_info", None)
    if driver_info is not None:
        _check_entries(driver_info, where("driver_info"), scalars=True)
        secrets = {"driver_info": driver_info}
    for name, choice in given.get("interfaces", {}).items():
        at = f"{where('interfaces')}.{name[:255]}"
        if name not in INTERFACES:
            raise exception.UnknownField(
                field=at[:255], known=", ".join(INTERFACES)
            )
        types.scalar(_NAME, choice, at)
    if "properties" in given:
        at = where("properties")
        _check_entries(given["properties"], at, scalars=False)
        capabilities = given["properties"].pop("capabilities", None)
        if capabilities is not None:
            given["capabilities"] = _capabilities(
                capabilities, f"{at}.capabilities"
            )
    _refuse_twins(given.get("ports", []), where("ports"))
    return Asked(
        given,
        secrets,
        given.pop("resource_class", None),
        given.pop("traits", None),
    )


def _check_entries(
    value: dict[str, typing.Any], where: str, *, scalars: bool
) -> None:
    """See that Ironic can keep it; no error quotes a value."""
    if len(value) > MOST_ENTRIES:
        raise exception.InvalidField(
            field=where, reason=f"it has more than {MOST_ENTRIES} entries."
        )
    for key, item in value.items():
        at = f"{where}.{key}"[:255]
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,255}", key):
            raise exception.InvalidField(
                field=at, reason="letters, digits and _ . : / - are wanted."
            )
        if isinstance(item, str):
            types.scalar(wtypes.StringType(max_length=MOST_TEXT), item, at)
        elif scalars and not isinstance(item, bool | int | float):
            raise exception.InvalidField(
                field=at, reason="text, a number, true or false is wanted."
            )


def _capabilities(value: typing.Any, where: str) -> dict[str, str]:
    """``{"boot_mode": "uefi"}``, or ``boot_mode:uefi`` as Ironic has it."""
    if isinstance(value, str):
        pairs = [item.partition(":") for item in value.split(",") if item]
        value = {key.strip(): word.strip() for key, _, word in pairs}
    if not isinstance(value, dict):
        raise exception.InvalidField(
            field=where, reason="an object, or 'key:value,…', is wanted."
        )
    for key, word in value.items():
        if not (
            isinstance(word, str)
            and re.fullmatch("[^,:]{1,255}", key)
            and re.fullmatch("[^,]{1,255}", word)
        ):
            raise exception.InvalidField(
                field=f"{where}.{key}"[:255],
                reason="text without commas is wanted.",
            )
    return value


def _refuse_twins(ports: list[dict[str, typing.Any]], where: str) -> None:
    addresses = [port["address"] for port in ports]
    for i, address in enumerate(addresses):
        if address in addresses[:i]:
            raise exception.InvalidField(
                field=f"{where}.{i}.address", reason="it is given twice."
            )
