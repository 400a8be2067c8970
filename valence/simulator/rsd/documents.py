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

"""What a pod shows of its service and its events, and how it shows things.

Sources: Intel RSD PODM API 2.1.3 (335455-002), 2.3.2 (337204-003) and 2.5
(613320-001), "Service Root"; for 1.2.1 the tag of that name of the repository
intel/intelRSD; sessions and events as in Redfish (DSP0266).
"""

import collections.abc
import typing

from valence.simulator.rsd import composition
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Json = dict[str, typing.Any]
BASE = hardware.BASE


def link(uri: str) -> dict[str, str]:
    return {"@odata.id": uri}


def links(uris: collections.abc.Iterable[str]) -> list[dict[str, str]]:
    return [link(uri) for uri in uris]


def document(
    asked: routes.Asked,
    kind: str,
    uri: str,
    name: str,
    /,
    *,
    version: str = "1.0.0",
    **content: typing.Any,
) -> Json:
    """A resource: what all have, and then its own."""
    number: str | int = uri.rpartition("/")[2]
    if "numeric-ids" in asked.pod.spec.quirks and str(number).isdecimal():
        number = int(number)
    path = uri.removeprefix(BASE).strip("/")
    return {
        "@odata.context": f"{BASE}/$metadata#{path or 'ServiceRoot'}",
        "@odata.id": uri,
        "@odata.type": asked.pod.dialect.odata_type(kind, version),
        "Id": number,
        "Name": name,
        "Description": content.pop("Description", None) or name,
        **content,
    }


def collection(
    asked: routes.Asked,
    kind: str,
    uri: str,
    members: collections.abc.Iterable[str],
    **content: typing.Any,
) -> Json:
    path = uri.removeprefix(BASE + "/")
    held = links(members)
    listed = {"Members@odata.count": len(held), "Members": held}
    if "links-members" in asked.pod.spec.quirks:
        listed = {"Links": listed}
    return {
        "@odata.context": f"{BASE}/$metadata#{path}",
        "@odata.id": uri,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{kind} Collection",
        **listed,
        **content,
    }


def status(health: str = "OK") -> Json:
    return {"State": "Enabled", "Health": health, "HealthRollup": health}


def allowable(
    asked: routes.Asked, name: str, values: collections.abc.Iterable[str]
) -> Json:
    """What a parameter or property can be, as the dialect annotates it."""
    key = f"{name}@{asked.pod.dialect.allowable}.AllowableValues"
    return {key: list(values)}


def boot_of(asked: routes.Asked, boot: Json) -> Json:
    shown = boot | allowable(
        asked, "BootSourceOverrideTarget", asked.pod.dialect.boot_targets
    )
    if asked.pod.dialect.boot_mode:
        shown |= allowable(
            asked, "BootSourceOverrideMode", composition.BOOT_MODES
        )
    return shown


def reset_action(asked: routes.Asked, uri: str, kind: str) -> Json:
    return {
        f"#{kind}.Reset": {
            "target": f"{uri}/Actions/{kind}.Reset",
            **allowable(asked, "ResetType", composition.RESETS),
        }
    }


@routes.route("GET", "")
def root(asked: routes.Asked) -> Json:
    dialect = asked.pod.dialect
    vendor: Json = {"ApiVersion": dialect.api_version}
    content: Json = {
        "RedfishVersion": dialect.redfish_version,
        "UUID": asked.pod.uuid,
        "Oem": {dialect.oem: vendor},
        "Links": {},
    }
    for name in ("Chassis", "Systems", "Managers", dialect.storage):
        content[name] = link(f"{BASE}/{name}")
    if dialect.fabrics:
        content["Fabrics"] = link(f"{BASE}/Fabrics")
    place = vendor if dialect.nodes_in_oem else content
    for name in ("Nodes", "EthernetSwitches"):
        place[name] = link(f"{BASE}/{name}")
    if dialect.services:
        for name in ("EventService", "SessionService", "TelemetryService"):
            content[name] = link(f"{BASE}/{name}")
        content["Links"] = {
            "Sessions": link(f"{BASE}/SessionService/Sessions")
        }
    shown = document(
        asked,
        "ServiceRoot",
        BASE,
        f"Simulated RSD pod {asked.pod.name}",
        **content,
    )
    return shown | {"Id": "RootService"}


@routes.route("GET", "/Managers")
def manager_list(asked: routes.Asked) -> Json:
    return collection(
        asked, "Manager", f"{BASE}/Managers", [f"{BASE}/Managers/1"]
    )


@routes.route("GET", "/Managers/1")
def manager(asked: routes.Asked) -> Json:
    return document(
        asked,
        "Manager",
        f"{BASE}/Managers/1",
        "Pod Manager",
        ManagerType="Service",
        FirmwareVersion=asked.pod.dialect.name,
        UUID=asked.pod.uuid,
        Status=status(),
    )


@routes.route("GET", "/EthernetSwitches")
def switch_list(asked: routes.Asked) -> Json:
    return collection(asked, "EthernetSwitch", f"{BASE}/EthernetSwitches", [])


def _services(dialect: dialects.Dialect) -> bool:
    return dialect.services


@routes.route("GET", "/TelemetryService", _services)
def telemetry(asked: routes.Asked) -> Json:
    return document(
        asked,
        "TelemetryService",
        f"{BASE}/TelemetryService",
        "Telemetry Service",
        Status=status(),
    )


@routes.route("GET", "/SessionService", _services)
def session_service(asked: routes.Asked) -> Json:
    uri = f"{BASE}/SessionService"
    return document(
        asked,
        "SessionService",
        uri,
        "Session Service",
        Status=status(),
        ServiceEnabled=True,
        SessionTimeout=600,
        Sessions=link(f"{uri}/Sessions"),
    )


@routes.route("GET", "/SessionService/Sessions", _services)
def session_list(asked: routes.Asked) -> Json:
    uri = f"{BASE}/SessionService/Sessions"
    held = [f"{uri}/{number}" for number in asked.pod.sessions]
    return collection(asked, "Session", uri, held)


@routes.route("GET", "/SessionService/Sessions/{session_id}", _services)
def session(asked: routes.Asked, session_id: str) -> Json:
    if session_id not in asked.pod.sessions:
        raise refusals.Refusal("InvalidEndpoint")
    return document(
        asked,
        "Session",
        f"{BASE}/SessionService/Sessions/{session_id}",
        "User Session",
        UserName=asked.pod.spec.username,
    )


@routes.route("GET", "/EventService", _services)
def event_service(asked: routes.Asked) -> Json:
    uri = f"{BASE}/EventService"
    return document(
        asked,
        "EventService",
        uri,
        "Event Service",
        Status=status(),
        ServiceEnabled=True,
        DeliveryRetryAttempts=3,
        DeliveryRetryIntervalSeconds=60,
        EventTypesForSubscription=[
            "StatusChange",
            "ResourceUpdated",
            "ResourceAdded",
            "ResourceRemoved",
            "Alert",
        ],
        Subscriptions=link(f"{uri}/Subscriptions"),
    )


@routes.route("GET", "/EventService/Subscriptions", _services)
def subscription_list(asked: routes.Asked) -> Json:
    uri = f"{BASE}/EventService/Subscriptions"
    held = [f"{uri}/{number}" for number in asked.pod.subscriptions]
    return collection(asked, "EventDestination", uri, held)


@routes.route(
    "GET", "/EventService/Subscriptions/{subscription_id}", _services
)
def subscription(asked: routes.Asked, subscription_id: str) -> Json:
    if subscription_id not in asked.pod.subscriptions:
        raise refusals.Refusal("InvalidEndpoint")
    held = dict(asked.pod.subscriptions[subscription_id])
    return document(
        asked,
        "EventDestination",
        f"{BASE}/EventService/Subscriptions/{subscription_id}",
        held.pop("Name", None) or "EventSubscription",
        **held,
    )
