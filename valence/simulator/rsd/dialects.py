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

"""How the releases of Intel's PODM differ on the wire.

Sources: for 1.2.1 the tag of that name of the repository intel/intelRSD
(PODM/SW/pod-manager/podm-rest); Intel RSD PODM API 2.1.3 (335455-002), 2.2
(336857-001), 2.3.2 (337204-003) and 2.5 (613320-001), chapters "Service Root",
"Composed Node Collection" and "Composed Node".
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """One release, as a client can tell it from the others."""

    name: str
    redfish_version: str
    api_version: str
    #: Key of the vendor's part in the service root's Oem.
    oem: str = "Intel_RackScale"
    #: Nodes stand in the vendor's part and not at the top.
    nodes_in_oem: bool = True
    storage: str = "StorageServices"
    fabrics: bool = True
    #: What the actions Attach… and Detach… end with, if there are any.
    attach: str | None = "Resource"
    #: FPGAs can be attached, too.
    attach_fpga: bool = False
    #: @Redfish.ActionInfo is a string and not an object.
    plain_action_info: bool = False
    #: EventService, SessionService and TelemetryService.
    services: bool = False
    absolute_location: bool = True
    #: Nearly every error is GeneralError and tells its reason at the top.
    general_errors: bool = False
    #: Once assembled, a node's state is PoweredOff or PoweredOn.
    power_is_state: bool = False
    #: Who annotates the values that an action takes.
    allowable: str = "Redfish"
    memory_collection: str = "Memory"
    memory_type: str = "MemoryDeviceType"
    boot_mode: bool = True
    boot_targets: tuple[str, ...] = ("None", "Pxe", "Hdd", "RemoteDrive")
    #: Whether PATCH answers 200 with the node or 204.
    patch_shows_node: bool = True
    #: A node links its Storage and not its drives.
    links_storage: bool = False
    #: ForceDelete, and what PATCH can set besides Boot.
    force_delete: bool = False
    #: @odata.type as "#Chassis.v1_0_0.Chassis", not "#Chassis.1.0.0.Chassis".
    typed_v: bool = True

    def since(self, release: str) -> bool:
        """Whether it is ``release`` or a later one."""
        return _ordinal(self.name) >= _ordinal(release)

    def odata_type(self, name: str, version: str = "1.0.0") -> str:
        if self.typed_v:
            version = "v" + version.replace(".", "_")
        return f"#{name}.{version}.{name}"


def _ordinal(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="1.2.1",
            redfish_version="1.0.0",
            api_version="1.2.0",
            oem="Intel:RackScale",
            nodes_in_oem=False,
            storage="Services",
            fabrics=False,
            attach=None,
            power_is_state=True,
            allowable="DMTF",
            memory_collection="DimmConfig",
            memory_type="DimmDeviceType",
            boot_mode=False,
            boot_targets=("None", "Pxe", "Hdd"),
            patch_shows_node=False,
            typed_v=False,
        ),
        Dialect(
            name="2.1",
            redfish_version="1.0.2",
            api_version="2.0.0",
            nodes_in_oem=False,
            storage="Services",
            attach="Endpoint",
        ),
        Dialect(
            name="2.2",
            redfish_version="1.0.2",
            api_version="2.2.0",
            storage="Services",
            attach="Endpoint",
        ),
        Dialect(name="2.3", redfish_version="1.1.0", api_version="2.3.0"),
        Dialect(
            name="2.4",
            redfish_version="1.5.0",
            api_version="2.4.0",
            services=True,
            absolute_location=False,
            general_errors=True,
            links_storage=True,
            attach_fpga=True,
            plain_action_info=True,
        ),
        Dialect(
            name="2.5",
            redfish_version="1.5.0",
            api_version="2.5.0",
            services=True,
            absolute_location=False,
            general_errors=True,
            links_storage=True,
            attach_fpga=True,
            plain_action_info=True,
            force_delete=True,
        ),
    )
}

#: Oddities that real services were seen to have, for a pod to take on.
QUIRKS = {
    "allocate-key": "the action is #ComposedNodesCollection.Allocate, as in "
    "Intel's own simulator",
    "no-location": "a created node comes as a body, without Location",
    "links-members": "collections hold their members under Links",
    "numeric-ids": "Ids that are numbers are JSON numbers",
    "drawers-only": "systems are linked from their drawer, not from the rack",
}
