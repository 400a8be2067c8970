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

"""What an ExpEther Manager answers.

Source: the REST API of NEC's ExpEther Manager (EEM) v1.0, as published clients
speak it and as recorded answers show it. Where these are silent, what is
answered depends on a quirk.
"""

import dataclasses
import typing

import webob

from valence.simulator import routing
from valence.simulator import wire
from valence.simulator.eem import hardware

if typing.TYPE_CHECKING:
    from valence.simulator.eem import manager

Json = dict[str, typing.Any]
TABLE = routing.Table("/eem")
route = TABLE.route

#: Points of the protocol that are not certain, for a manager to answer
#: otherwise.
QUIRKS = {
    "any-group": "group ids outside 16 to 4092 can be set",
    "delete-first": "a device's group id is only set while it is 4093",
    "max-eeio": "no more devices in a server's group than max_eeio_count",
    "no-content": "audit, perst, send_reset_frame and the clearing of a port "
    "are answered with 204",
    "eecard-type": "eecard_type in place of type",
    "numeric-times": "times are numbers and not strings",
}
#: What is said where a status is asked for and no reason is known.
MESSAGES = {
    "40000": "Bad request.",
    "40300": "Forbidden.",
    "40400": "The specified resource is not found.",
    "40500": "The method is not allowed.",
    "50003": "What the manager knows is stale; read it again.",
}


class Refusal(Exception):
    """The request cannot be served."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES.get(code, "Error.")

    @classmethod
    def at(cls, point: str | None, status: int) -> "Refusal":
        """A refusal with this status, as it would be at this point."""
        details = {500: "03"}
        if status == 400:
            details[400] = "11" if point == "device_delete" else "04"
        return cls(f"{status}{details.get(status, '00')}")

    def response(self) -> webob.Response:
        status = int(self.code[:3])
        if status != 401:
            body = {"code": self.code, "message": self.message}
            return wire.json_response(body, status)
        # The web server refuses, before the manager is asked.
        response = webob.Response(
            "<html><body><h1>401 Unauthorized</h1></body></html>",
            status=status,
            content_type="text/html",
            charset="UTF-8",
        )
        response.headers["WWW-Authenticate"] = 'Basic realm="EEM"'
        return response


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a function has to go by."""

    manager: "manager.Eem"
    request: webob.Request
    #: What becomes of what an act leads to.
    outcome: str | None

    @property
    def fabric(self) -> hardware.Fabric:
        return self.manager.fabric

    def has(self, quirk: str) -> bool:
        return quirk in self.manager.spec.quirks

    def unit(self, unit_id: str) -> hardware.Unit:
        if unit_id not in self.fabric:
            raise Refusal("40400")
        return self.fabric[unit_id]

    def query(self, name: str) -> str | None:
        """A parameter of the query."""
        try:
            found: str | None = self.request.GET.get(name)
        except UnicodeDecodeError as error:
            raise Refusal("40004", "The query is not UTF-8.") from error
        return found

    def time(self, milliseconds: int) -> str | int:
        if self.has("numeric-times"):
            return milliseconds
        return str(milliseconds)

    def updated(self, unit: hardware.Unit) -> Json:
        return {"update_time": self.time(unit.update_time)}


@route("GET", "/api_version")
def api_version(asked: Asked) -> Json:
    return {"version_number": asked.manager.spec.version}


@route("GET", "/devices")
def device_list(asked: Asked) -> Json:
    return _listed(asked, [{"id": unit.id} for unit in _wanted(asked)])


@route("GET", "/devices/detail")
def device_detail(asked: Asked) -> Json:
    return _listed(asked, [document(asked, one) for one in _wanted(asked)])


def _listed(asked: Asked, devices: list[Json]) -> Json:
    return {
        "devices": devices,
        "timestamp": asked.time(asked.fabric.now()),
    }


def _wanted(asked: Asked) -> list[hardware.Unit]:
    status, group_id = asked.query("status"), asked.query("group_id")
    since = _time(asked.query("update_time") or "0")
    if status not in (None, "eesv", "eeio"):
        raise Refusal("40004", "status: give eesv or eeio.")
    return [
        unit
        for unit in asked.fabric
        if status in (None, unit.status)
        and group_id in (None, unit.group_id)
        and unit.update_time > since
    ]


def _time(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 20:
        raise Refusal("40004", "update_time: give milliseconds.")
    return int(text)


@route("GET", "/devices/{unit_id}")
def device(asked: Asked, unit_id: str) -> Json:
    return {
        "device": document(asked, asked.unit(unit_id)),
        "timestamp": asked.time(asked.fabric.now()),
    }


@route("DELETE", "/devices/{unit_id}")
def device_delete(asked: Asked, unit_id: str) -> None:
    unit = asked.unit(unit_id)
    force = asked.query("force") == "enabled"
    if unit.notification == "up" and not force:
        raise Refusal("40011", "The device is in operation.")
    asked.fabric.pull(unit)


@route("PUT", "/devices/{unit_id}/group_id")
def group_set(asked: Asked, unit_id: str) -> Json:
    unit = asked.unit(unit_id)
    group_id = _body(asked).get("group_id")
    if group_id is None:
        group_id = asked.fabric.free_group()
        if group_id is None:
            raise Refusal("40004", "There is no group id left.")
    _require_group(asked, unit, group_id)
    if asked.outcome == "failed":
        raise Refusal("50003")
    if asked.outcome is None:
        asked.fabric.set_group(unit, group_id)
    return {"group_id": group_id, **asked.updated(unit)}


def _require_group(asked: Asked, unit: hardware.Unit, group_id: str) -> None:
    allowed = range(4095) if asked.has("any-group") else hardware.GROUPS
    if not hardware.is_group(group_id, allowed):
        raise Refusal(
            "40004",
            f"group_id: give a string from {allowed.start} to "
            f"{allowed.stop - 1}.",
        )
    if not isinstance(unit, hardware.Box) or group_id == unit.group_id:
        return
    if asked.has("delete-first") and unit.group_id != hardware.FREE:
        raise Refusal("40004", "The device has a group id; delete it first.")
    if asked.has("max-eeio"):
        held = sum(
            one.group_id == group_id for one in asked.fabric.of(hardware.Box)
        )
        for board in asked.fabric.of(hardware.Board):
            if board.group_id == group_id and held >= board.card.ports:
                raise Refusal("40004", "The server has max_eeio_count.")


@route("DELETE", "/devices/{unit_id}/group_id")
def group_delete(asked: Asked, unit_id: str) -> Json:
    unit = asked.unit(unit_id)
    seen = asked.query("update_time")
    stale = seen is not None and _time(seen) < unit.update_time
    if stale or asked.outcome == "failed":
        raise Refusal("50003")
    if asked.outcome is None:
        asked.fabric.set_group(unit, unit.default_group)
    return asked.updated(unit)


@route("PUT", "/devices/{unit_id}/audit")
def audit(asked: Asked, unit_id: str) -> Json | None:
    return _perhaps(asked, asked.unit(unit_id))


@route("PUT", "/devices/{unit_id}/perst")
def perst(asked: Asked, unit_id: str) -> Json | None:
    return _perhaps(asked, asked.unit(unit_id))


@route("PUT", "/devices/{unit_id}/send_reset_frame")
def send_reset_frame(asked: Asked, unit_id: str) -> Json | None:
    return _perhaps(asked, asked.unit(unit_id))


@route("DELETE", "/devices/{unit_id}/ports/{port}/eeio_mac_address")
def port_clear(asked: Asked, unit_id: str, port: str) -> Json | None:
    board = asked.unit(unit_id)
    if not isinstance(board, hardware.Board) or port not in map(
        str, range(len(board.ports))
    ):
        raise Refusal("40400")
    asked.fabric.clear_port(board, int(port))
    return _perhaps(asked, board)


def _perhaps(asked: Asked, unit: hardware.Unit) -> Json | None:
    return None if asked.has("no-content") else asked.updated(unit)


@route("GET", "/devices/{unit_id}/uid_led_status")
def led(asked: Asked, unit_id: str) -> Json:
    return {"uid_led_status": asked.unit(unit_id).led}


@route("PUT", "/devices/{unit_id}/uid_led_status")
def led_set(asked: Asked, unit_id: str) -> Json:
    unit = asked.unit(unit_id)
    wanted = _body(asked).get("uid_led_status")
    if wanted not in ("on", "off"):
        raise Refusal("40004", "uid_led_status: give on or off.")
    asked.fabric.change(unit, "led", wanted)
    return {"uid_led_status": unit.led}


@route("GET", "/groups")
def group_list(asked: Asked) -> Json:
    none = (hardware.FREE, hardware.ALONE)
    groups = {unit.group_id for unit in asked.fabric} - set(none)
    return {"groups": [{"id": one} for one in sorted(groups, key=int)]}


@route("PUT", "/dump_statistics")
def dump_statistics(asked: Asked) -> None:
    """There is nothing to dump."""


def _body(asked: Asked) -> Json:
    try:
        return wire.json_object(asked.request.body)
    except ValueError as error:
        raise Refusal("40004", str(error)) from error


def document(asked: Asked, unit: hardware.Unit) -> Json:
    """The full device object."""
    fast = unit.card.name == "40g"
    heard = [unit.notification] * 2
    board = isinstance(unit, hardware.Board)
    shown: Json = {
        "id": unit.id,
        "status": unit.status,
        "eecard_type" if asked.has("eecard-type") else "type": unit.card.name,
        "update_time": asked.time(unit.update_time),
        "admin_status": "enabled",
        "monitoring_status": "enabled",
        "mac_address": unit.mac,
        "group_id": unit.group_id,
        "vlan_tagging": "disabled",
        "multi_mac_addresses": "disabled",
        "uid_switch_status": "off",
        "power_status": unit.power,
        "pcie_link_width": "x8",
        "interrupt_vector": "0x10",
        "ee_version": "v1.0",
        "device_id": hex(unit.device_id),
        "revision": "0x0",
        "fpga_version": "0x1",
        "eeprom_variation": "0x0",
        "eeprom_data_version": "0x0",
        "serial_number": unit.serial,
        "model": unit.card.board if board else unit.card.box,
        "link_status0": unit.link,
        "link_status1": unit.link if fast else "down",
        "notification_status0": heard,
        "notification_status1": heard if fast else ["down", "down"],
        "encryption": ["disabled"] * (unit.card.ports if board else 1),
    }
    if isinstance(unit, hardware.Board):
        shown |= _board(unit, fast)
    elif isinstance(unit, hardware.Box):
        shown |= _box(unit, fast)
    return shown


def _board(board: hardware.Board, fast: bool) -> Json:
    own: Json = (
        {"compatibility": ["default"]}
        if fast
        else {"power_off_inhibition_status": "disabled"}
    )
    return own | {
        "max_eeio_count": str(board.card.ports),
        "eesv_type": "na",
        "host_serial_number": f"HOST-{board.serial}",
        "host_model": "Simulated Server",
        "downstream_ports": [
            {
                "downstream_port_id": str(number),
                "eeio_connection_status": _up(box and box.connected),
                "eeio_mac_address": box.mac if box else hardware.NO_MAC,
            }
            for number, box in enumerate(board.ports)
        ],
    }


def _box(box: hardware.Box, fast: bool) -> Json:
    own: Json = {} if fast else {"power_interlock_status": "disabled"}
    # A 10g card does not tell what stands behind it.
    pci = box.pci if fast else hardware.Pci("", 0, 0, 0)
    return own | {
        "path_status0": box.link,
        "path_status1": box.link if fast else "down",
        "eesv_connection_status": _up(box.connected),
        "eesv_mac_address": box.board.mac if box.board else hardware.NO_MAC,
        "pcie_connection_status": _up(box.power == "on"),
        "pcie_vendor_id": hex(pci.vendor),
        "pcie_device_id": hex(pci.device),
        "pcie_class_code": hex(pci.code),
    }


def _up(is_up: object) -> str:
    return "up" if is_up else "down"
