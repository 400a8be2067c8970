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


"""A flavor's requirements in the words of a pod manager's Allocate."""

import typing

from valence import exception

Requirements = typing.Mapping[str, typing.Mapping[str, typing.Any]]
Body = dict[str, typing.Any]
Dialect = tuple[int, int]

KEYS = frozenset({"processor", "memory", "remote_storage", "rack"})
_KNOWN = {
    "processor": frozenset({"model", "total_cores"}),
    "memory": frozenset({"type", "capacity_mib"}),
    "rack": frozenset({"index"}),
    "remote_storage": frozenset(
        {"capacity_gib", "protocol", "iscsi_address", "master"}
    ),
}
_MASTER = frozenset({"type", "address", "resource"})


def body(dialect: Dialect, requirements: Requirements) -> Body:
    """What to POST to Allocate, but for name, description and rack.

    Sources: Intel RSD PODM API 2.1.3 (335455-002) and 2.3.2 (337204-003),
    "Composed node allocation"; intelRSD tag 1.2.1 for the oldest form.

    :raises: HardwareNotSupported for what the dialect cannot say
    """
    _check(requirements)
    asked: Body = {}
    wanted = requirements.get("remote_storage")
    if wanted:
        asked["RemoteDrives"] = [_remote_drive(dialect, wanted)]
    wanted = requirements.get("processor", {})
    if wanted.get("total_cores") is not None:
        # Not Processors[].TotalCores, which is what each *one* processor must
        # have: a flavor asks for the cores of the node, and the pod manager
        # compares TotalSystemCoreCount with the sum over its sockets.
        asked["TotalSystemCoreCount"] = _number(wanted, "total_cores")
    if wanted.get("model") is not None:
        asked["Processors"] = [{"Model": str(wanted["model"])}]
    wanted = requirements.get("memory", {})
    return {**asked, **_memory(dialect, wanted)}


def stand_in(asked: Body, chassis: str) -> None:
    """Ask for a system that stands in a chassis, at any depth.

    Every release knows Chassis in the entries of Processors and of Memory
    (335455-002, 337204-003 and 613320-001, "Composed node allocation";
    intelRSD tag 1.2.1, RequestedProcessorImpl). One entry suffices: the
    system as a whole has to be among those that stand in the chassis and in
    what it contains (intelRSD, ComputerSystemCollector and
    Chassis.getAllComputerSystemsUnderneath).

    :param asked: what :func:`body` has made
    :param chassis: its path
    """
    first, *others = asked.get("Processors") or [{}]
    place = {"Chassis": {"@odata.id": chassis}}
    asked["Processors"] = [{**first, **place}, *others]


def _check(requirements: Requirements) -> None:
    for key, wanted in requirements.items():
        if key not in _KNOWN:
            raise exception.HardwareNotSupported(
                reason=f"a requirement '{key}'; it takes "
                f"{', '.join(sorted(_KNOWN))}"
            )
        unknown = sorted(set(wanted) - _KNOWN[key])
        if unknown:
            raise exception.HardwareNotSupported(
                reason=f"'{unknown[0]}' of '{key}'; it takes "
                f"{', '.join(sorted(_KNOWN[key]))}"
            )


def _number(wanted: typing.Mapping[str, typing.Any], key: str) -> int:
    try:
        return int(wanted[key])
    except (TypeError, ValueError):
        raise exception.HardwareBadRequest(
            reason=f"'{key}' has to be a whole number"
        ) from None


def _memory(dialect: Dialect, wanted: typing.Mapping[str, typing.Any]) -> Body:
    """The memory of the node, which is what a flavor asks for."""
    asked: Body = {}
    module: Body = {}
    modern = dialect >= (2, 0)
    if wanted.get("type") is not None:
        key = "MemoryDeviceType" if modern else "DimmDeviceType"
        module[key] = str(wanted["type"])
    if wanted.get("capacity_mib") is not None:
        capacity = _number(wanted, "capacity_mib")
        if modern:
            # Compared with the sum over a system's modules. CapacityMiB of an
            # entry of Memory would be too much to ask: from 2.4 on, one
            # module has to meet it.
            asked["TotalSystemMemoryMiB"] = capacity
        else:
            # 1.2.1 has no total, but adds up modules until they meet an entry
            # of Memory (intelRSD 1.2.1, MemoryModulesAllocationMapper).
            module["CapacityMiB"] = capacity
    return {**asked, "Memory": [module]} if module else asked


def _remote_drive(
    dialect: Dialect, wanted: typing.Mapping[str, typing.Any]
) -> Body:
    """One of RemoteDrives[]; its form changed with release 2.3."""
    if dialect < (2, 0):
        raise exception.HardwareNotSupported(
            reason="remote storage needs release 2.1 of the pod manager"
        )
    master = wanted.get("master") or {}
    if not isinstance(master, dict) or set(master) - _MASTER:
        raise exception.HardwareNotSupported(
            reason=f"'master' takes {', '.join(sorted(_MASTER))}"
        )
    drive: Body = {}
    of: Body = {}
    if wanted.get("capacity_gib") is not None:
        drive["CapacityGiB"] = _number(wanted, "capacity_gib")
    if master.get("type") is not None:
        of["Type"] = str(master["type"])
    (_place_2_1 if dialect < (2, 3) else _place_2_3)(
        {k: v for k, v in wanted.items() if v is not None},
        {k: v for k, v in master.items() if v is not None},
        drive,
        of,
    )
    return {**drive, "Master": of} if of else drive


def _place_2_1(wanted: Body, master: Body, drive: Body, of: Body) -> None:
    """Say where the drive is, as of 335455-002 and 336857-001."""
    if wanted.get("protocol", "iSCSI") != "iSCSI":
        raise exception.HardwareNotSupported(
            reason=f"remote storage over {wanted['protocol']} needs release "
            "2.3 of the pod manager; before it, there is iSCSI alone"
        )
    if "resource" in master:
        raise exception.HardwareNotSupported(
            reason="a remote drive's master is named by 'address' before "
            "release 2.3 of the pod manager, not by 'resource'"
        )
    if "iscsi_address" in wanted:
        drive["iSCSIAddress"] = str(wanted["iscsi_address"])
    if "address" in master:
        of["Address"] = str(master["address"])


def _place_2_3(wanted: Body, master: Body, drive: Body, of: Body) -> None:
    """Say where the drive is, as of 337204-003 and 613320-001."""
    if "iscsi_address" in wanted:
        raise exception.HardwareNotSupported(
            reason="'iscsi_address'; from release 2.3 on the pod manager "
            "chooses the address itself"
        )
    if "address" in master:
        raise exception.HardwareNotSupported(
            reason="a remote drive's master is named by 'resource' from "
            "release 2.3 of the pod manager on, not by 'address'"
        )
    if "protocol" in wanted:
        drive["Protocol"] = str(wanted["protocol"])
    if "resource" in master:
        of["Resource"] = {"@odata.id": str(master["resource"])}
