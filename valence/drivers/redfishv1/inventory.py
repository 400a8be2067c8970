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


"""What stands in a pod: systems, racks, and what a node is made of."""

import concurrent.futures
import threading
import time
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import connector as rsd_connector
from valence.drivers.redfishv1 import resources

Item = typing.TypeVar("Item")
Result = typing.TypeVar("Result")
Document = dict[str, typing.Any]

#: Requests that reads of many documents have under way at once, in all.
WORKERS = 4


class Workers:
    """A few threads that read, for all calls to one pod manager together.

    The answers of a pod manager come out of a database, one after the other;
    a handful of readers hides the round trips and does not press it further.
    The threads live as long as a call, so that a service with very many pod
    managers does not keep very many of them waiting.
    """

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(WORKERS)
        self._closed = threading.Event()

    def map(
        self,
        function: typing.Callable[[Item], Result],
        items: typing.Iterable[Item],
    ) -> list[Result]:
        """``function`` of each item, in order; the first error ends it.

        ``function`` must not come back here.
        """
        work = list(items)
        deadline = time.monotonic() + resources.READ_TIMEOUT
        if len(work) < 2:
            return [self._run(function, item, deadline) for item in work]
        pool = concurrent.futures.ThreadPoolExecutor(
            min(WORKERS, len(work)), thread_name_prefix="redfishv1"
        )
        try:
            futures = [
                pool.submit(self._run, function, item, deadline)
                for item in work
            ]
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(
        self,
        function: typing.Callable[[Item], Result],
        item: Item,
        deadline: float,
    ) -> Result:
        with self._places:
            resources.see_time(deadline)
            if self._closed.is_set():
                raise exception.Unreachable(
                    reason="Valence has closed the connection"
                )
            return function(item)

    def close(self) -> None:
        """Let nothing new begin."""
        self._closed.set()


def read_all(
    workers: Workers,
    connector: rsd_connector.Connector,
    kind: type[resources.Resource],
    paths: typing.Iterable[str],
) -> list[typing.Any]:
    """The documents at ``paths``, without those gone in the meantime."""

    def read(path: str) -> resources.Resource | None:
        try:
            return kind(connector, path)
        except exception.HardwareNotFound:
            return None

    return [found for found in workers.map(read, paths) if found is not None]


# -- systems -----------------------------------------------------------------


class _Processor(resources.Resource):
    kind = resources.Value("ProcessorType")
    model = resources.Value("Model")
    total_cores = resources.Value("TotalCores", kind=resources.number)


class _Module(resources.Resource):
    capacity_mib = resources.Value("CapacityMiB", kind=resources.number)


class _Hardware(typing.NamedTuple):
    """What a System's own document does not tell."""

    cpu_count: int | None
    cpu_model: str | None
    cpu_cores: int | None
    memory_mib: int | None


class Inventory:
    """Reads systems and racks, and remembers what cannot change unnoticed."""

    def __init__(
        self, connector: rsd_connector.Connector, workers: Workers
    ) -> None:
        self._connector = connector
        self._workers = workers
        self._hardware: dict[tuple[object, ...], _Hardware] = {}
        #: Path of what stands in a rack → the rack's index, or "".
        self._racks: dict[str, str] = {}
        #: Index of a rack → its path.
        self._paths: dict[str, str] = {}

    def systems(
        self, collection: str, chassis: str | None, used: set[str]
    ) -> list[base.System]:
        """All systems; those at the paths ``used`` are in use."""
        _, paths = resources.collection(self._connector, collection)
        found = self._workers.map(self._system, paths)
        present = [pair for pair in found if pair is not None]
        places = {
            path
            for system, _ in present
            for path in (system.chassis or [system.path])
        }
        if chassis is not None and not places <= self._racks.keys():
            self.chassis(chassis)
            for path in places:
                self._racks.setdefault(path, "")
        return [
            self._describe(system, hardware, used)
            for system, hardware in present
        ]

    def _system(self, path: str) -> tuple[resources.System, _Hardware] | None:
        try:
            system = resources.System(self._connector, path)
        except exception.HardwareNotFound:
            return None  # gone since the collection was read
        key = (
            path,
            system.uuid,
            system.cpu_count,
            system.cpu_model,
            system.memory_mib,
        )
        hardware = self._hardware.get(key)
        if hardware is None:
            hardware = self._hardware[key] = self._look_inside(system)
        return system, hardware

    def _look_inside(self, system: resources.System) -> _Hardware:
        """Count the cores, and what else the summaries leave out.

        RSD's ProcessorSummary has sockets and model alone (335455-002,
        "Computer System"), so the processors have to be read, one by one; the
        answer is kept as long as uuid and summaries stay the same.
        """
        count, model = system.cpu_count, system.cpu_model
        cores, memory = system.cpu_cores, system.memory_mib
        if cores is None or count is None or model is None:
            processors = [
                processor
                for processor in self._children(system.processors, _Processor)
                if processor.kind in (None, "CPU")  # 2.4: FPGAs stand here too
            ]
            if processors:
                if cores is None:
                    cores = _sum(p.total_cores for p in processors)
                if count is None:
                    count = len(processors)
                if model is None:
                    model = processors[0].model
        if memory is None:
            modules = self._children(system.memory, _Module)
            memory = _sum(module.capacity_mib for module in modules)
        return _Hardware(count, model, cores, memory)

    def _children(
        self, link: str | None, kind: type[resources.Resource]
    ) -> list[typing.Any]:
        """Read a small collection, in this thread: it is one of Workers."""
        if link is None:
            return []
        found = []
        try:
            path = self._connector.path_of(link)
            _, paths = resources.collection(self._connector, path)
        except exception.HardwareNotFound:
            return []
        for path in paths:
            try:
                found.append(kind(self._connector, path))
            except exception.HardwareNotFound:
                continue
        return found

    def _describe(
        self, system: resources.System, hardware: _Hardware, used: set[str]
    ) -> base.System:
        return base.System(
            index=system.index,
            name=system.name,
            resource_uri=system.path,
            hardware_uuid=system.uuid,
            system_type=system.system_type,
            power_state=system.power_state,
            health=system.health_rollup or system.health,
            state="in_use" if system.path in used else "free",
            cpu_count=hardware.cpu_count,
            cpu_cores=hardware.cpu_cores,
            cpu_model=hardware.cpu_model,
            memory_mib=hardware.memory_mib,
            mac_addresses=[],
            rack_index=self.rack_of([*system.chassis, system.path]),
            extra=_known(
                manufacturer=system.manufacturer,
                model=system.model,
                serial_number=system.serial_number,
                asset_tag=system.asset_tag,
                bios_version=system.bios_version,
                status=system.status_state,
            ),
        )

    def rack_of(self, places: typing.Iterable[str]) -> str | None:
        """Index of the rack of the first place that is known to be in one."""
        for path in places:
            if self._racks.get(path):
                return self._racks[path]
        return None

    def rack_path(self, collection: str, index: str) -> str | None:
        """Where a rack is described; reads the list if it is not known.

        The pod manager says where, never we.
        """
        path = self._paths.get(index)
        if path is None:
            _, paths = resources.collection(self._connector, collection)
            path = {resources.index_of(p): p for p in paths}.get(index)
        return path

    def chassis(
        self, collection: str
    ) -> tuple[list[resources.Chassis], list[base.Rack]]:
        """All chassis, and the racks among them.

        Learns in which rack each chassis, system and device stands.
        """
        _, paths = resources.collection(self._connector, collection)
        chassis: dict[str, resources.Chassis] = {
            item.path: item
            for item in read_all(
                self._workers, self._connector, resources.Chassis, paths
            )
        }
        inside: dict[str, set[str]] = {path: set() for path in chassis}
        places = {
            item.location: path
            for path, item in chassis.items()
            if item.location
        }
        for path, item in chassis.items():
            inside[path].update(p for p in item.contains if p in chassis)
            parents = item.contained_by or [
                places.get(item.parent_location or "", "")
            ]
            for parent in parents:
                if parent in inside:
                    inside[parent].add(path)
        where: dict[str, str] = dict.fromkeys(chassis, "")
        racks = []
        for path, item in chassis.items():
            if (item.chassis_type or "").lower() != "rack":
                continue
            systems: dict[str, None] = {}
            for part in _reach(path, inside):
                systems.update(dict.fromkeys(chassis[part].systems))
                for held in (part, *chassis[part].devices):
                    where[held] = item.index
            where.update(dict.fromkeys(systems, item.index))
            racks.append(
                base.Rack(
                    index=item.index,
                    name=item.name,
                    resource_uri=path,
                    location=item.location,
                    system_indexes=[resources.index_of(s) for s in systems],
                    extra=_known(
                        manufacturer=item.manufacturer,
                        model=item.model,
                        serial_number=item.serial_number,
                        asset_tag=item.asset_tag,
                        health=item.health_rollup or item.health,
                    ),
                )
            )
        self._racks = where
        self._paths = {rack.index: rack.resource_uri for rack in racks}
        return list(chassis.values()), racks


def _reach(start: str, inside: dict[str, set[str]]) -> list[str]:
    """``start`` and all that stands in it, at any depth."""
    found, todo = {start: None}, [start]
    while todo:
        for path in sorted(inside[todo.pop()]):
            if path not in found:
                found[path] = None
                todo.append(path)
    return list(found)


def _sum(numbers: typing.Iterable[int | None]) -> int | None:
    known = [item for item in numbers if item is not None]
    return sum(known) if known else None


def _known(**values: object) -> Document:
    return {k: v for k, v in values.items() if v is not None}
