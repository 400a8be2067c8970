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

KEYS = frozenset({"processor", "memory", "remote_storage"})
_KNOWN = {
    "processor": frozenset({"model", "total_cores"}),
    "memory": frozenset({"type", "capacity_mib"}),
    "remote_storage": frozenset(
        {"capacity_gib", "protocol", "iscsi_address", "master"}
    ),
}
_MASTER = frozenset({"type", "address", "resource"})
#: Among how many modules 1.2.1 is asked to spread the memory, in turn.
_SPREADS = (1, 2, 4, 8, 16)


def bodies(dialect: Dialect, requirements: Requirements) -> list[Body]:
    """What to POST to Allocate; where several, each if none fitted before.

    Sources: Intel RSD PODM API 2.1.3 (335455-002) and 2.3.2 (337204-003),
    "Composed node allocation"; intelRSD tag 1.2.1 for the oldest form.

    :raises: HardwareNotSupported for what the dialect cannot say
    """
    _check(requirements)
    body: Body = {}
    wanted = requirements.get("remote_storage")
    if wanted:
        body["RemoteDrives"] = [_remote_drive(dialect, wanted)]
    wanted = requirements.get("processor", {})
    if wanted.get("total_cores") is not None:
        # Not Processors[].TotalCores, which is what each *one* processor must
        # have: a flavor asks for the cores of the node, and the pod manager
        # compares TotalSystemCoreCount with the sum over its sockets.
        body["TotalSystemCoreCount"] = _number(wanted, "total_cores")
    if wanted.get("model") is not None:
        body["Processors"] = [{"Model": str(wanted["model"])}]
    return [{**body, **memory} for memory in _memory(dialect, requirements)]


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


def _memory(dialect: Dialect, requirements: Requirements) -> list[Body]:
    wanted = requirements.get("memory", {})
    kind = wanted.get("type")
    if dialect >= (2, 0):
        # A flavor asks for the memory of the node: TotalSystemMemoryMiB is
        # compared with the sum over a system's modules. An entry of Memory is
        # a demand on one module, so it carries the type alone.
        body: Body = {}
        if wanted.get("capacity_mib") is not None:
            body["TotalSystemMemoryMiB"] = _number(wanted, "capacity_mib")
        if kind is not None:
            body["Memory"] = [{"MemoryDeviceType": str(kind)}]
        return [body]
    # 1.2.1 has no total. Each entry of Memory is matched with a module of its
    # own, so n entries of 1/n of the capacity are never less than was asked;
    # one entry of all of it would turn down a system of eight 16 GiB modules
    # for 128 GiB. How many modules there are is not known, so that the next n
    # is tried where nothing fits the one before; a refused Allocate leaves
    # nothing behind.
    module: Body = {} if kind is None else {"DimmDeviceType": str(kind)}
    if wanted.get("capacity_mib") is None:
        return [{"Memory": [module]} if module else {}]
    total = _number(wanted, "capacity_mib")
    return [
        {"Memory": [{**module, "CapacityMiB": -(-total // spread)}] * spread}
        for spread in _SPREADS
        if spread == 1 or total >= spread * 1024
    ]


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
