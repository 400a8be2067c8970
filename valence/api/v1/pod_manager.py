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

"""/v1/pod_managers"""

import functools
import importlib.metadata
import re
import socket
import typing
import urllib.parse
import uuid

from oslo_config import cfg
import webob
from wsme import types as wtypes

from valence import exception
from valence import networks
from valence import objects
from valence import states
from valence.api import resource
from valence.api import types
from valence.api import work
from valence.api.call import Call
from valence.api.v1 import audits
from valence.objects import base

CONF = cfg.CONF

#: What the conductors' drivers are registered under. Names are all that the
#: API knows of them.
DRIVERS = "valence.podmanager.driver"
DEFAULT_DRIVER = "redfishv1"

#: Where one of these changes, the pod manager is connected to anew.
CONNECTION = frozenset(
    {"url", "driver", "authentication", "verify_ca", "ca_certificate"}
)


class AuthItems(wtypes.Base):
    username = wtypes.wsattr(
        wtypes.StringType(min_length=1, max_length=255), mandatory=True
    )
    password = wtypes.wsattr(wtypes.StringType(max_length=255), mandatory=True)


class Authentication(wtypes.Base):
    type = wtypes.wsattr(
        wtypes.Enum(str, *objects.pod_manager.AUTHENTICATION), mandatory=True
    )
    auth_items = wtypes.wsattr(AuthItems, mandatory=True)


CHANGED = types.of_object(objects.PodManager, authentication=[Authentication])
NEW = types.of_object(
    objects.PodManager,
    required=("name", "url"),
    authentication=[Authentication],
)

find = functools.partial(resource.find, cls=objects.PodManager)
show = functools.partial(resource.show, cls=objects.PodManager)


def create(call: Call) -> webob.Response:
    """Register one; it is connected to, and read, in the background."""
    call.query()
    values = types.unmasked(objects.PodManager, call.read(NEW))
    values = _checked(values)
    given = {name: v for name, v in values.items() if v is not None}
    podm = objects.PodManager(
        call.context,
        **{
            "driver": _known_driver(DEFAULT_DRIVER),
            "authentication": [],
            "verify_ca": True,
            "maintenance": False,
            **given,
        },
        uuid=str(uuid.uuid4()),
        status=states.CONNECTING,
        capabilities=[],
        requirement_keys=[],
        sync_failures=0,
        hardware_nodes=[],
    )
    return work.submit(call, "connect", podm, podm_id=podm.uuid)


def patch(call: Call) -> webob.Response:
    """200, or 202 where the change asks for a new connection."""
    operations = resource.read_patch(call)
    responses: list[webob.Response] = []

    def change() -> objects.PodManager:
        podm = resource.get(call, objects.PodManager)
        values = _checked(resource.patched(call, podm, operations, CHANGED))
        if values.get("driver", podm.driver) != podm.driver:
            _refuse_if_inhabited(call, podm)
        for name, value in values.items():
            setattr(podm, name, value)
        if CONNECTION & set(values):
            responses.append(
                work.submit(
                    call, "connect", podm, "reconnect", podm_id=podm.uuid
                )
            )
        elif values:
            podm.save()
        return podm

    podm = resource.until_unchanged(change)
    if responses:
        return responses[0]
    return call.answer(work.document(call, podm))


def delete(call: Call) -> webob.Response:
    """Refused while a node lives there; its inventory goes with it."""
    call.query()
    call.no_body()
    resource.get(call, objects.PodManager).destroy()
    return call.answer(status=204)


def audit(call: Call) -> webob.Response:
    """What the hardware holds against what is known here.

    As of the last sync; nothing that belongs to others is touched.
    """
    call.query()
    podm = resource.get(call, objects.PodManager)
    of_podm: base.Page = {"filters": {"podm_id": podm.uuid}}
    return call.answer(
        audits.document(
            podm,
            objects.Node.find(call.context, of_podm),
            objects.Device.find(call.context, of_podm),
        )
    )


def sync(call: Call) -> webob.Response:
    """Read its inventory again, now."""
    call.query()
    call.no_body()
    podm = resource.get(call, objects.PodManager)
    return work.submit(call, "sync", podm, "look", podm_id=podm.uuid)


def refuse_unless_online(podm: objects.PodManager) -> None:
    """See that work can be asked of it.

    :raises: Conflict, with the reason
    """
    if podm.status != states.ONLINE:
        reason = f": {podm.status_reason}" if podm.status_reason else "."
        raise exception.Conflict(
            f"Pod manager {podm.label} is {podm.status}{reason}",
            public="The hardware is away; try again later.",
        )


def _refuse_if_inhabited(call: Call, podm: objects.PodManager) -> None:
    nodes = objects.Node.find(
        call.context,
        {
            "filters": {"podm_id": podm.uuid},
            "limit": 1,
            "fields": ["uuid", "name"],
        },
    )
    if nodes:
        raise exception.InUse(
            noun=podm.NOUN, ident=podm.label, users=f"node '{nodes[0].name}'"
        )


def _checked(values: dict[str, typing.Any]) -> dict[str, typing.Any]:
    if values.get("url") is not None:
        values["url"] = _checked_url(values["url"])
    if values.get("driver") is not None:
        _known_driver(values["driver"])
    if "authentication" in values:
        values["authentication"] = values["authentication"] or []
        if len(values["authentication"]) > 1:
            raise exception.InvalidField(
                field="authentication", reason="it has more than one entry."
            )
    certificate = values.get("ca_certificate")
    if certificate is not None and (
        "-----BEGIN CERTIFICATE-----" not in certificate
        or "-----END CERTIFICATE-----" not in certificate
    ):
        raise exception.InvalidField(
            field="ca_certificate", reason="certificates in PEM are wanted."
        )
    return values


def _known_driver(name: str) -> str:
    known = sorted(importlib.metadata.entry_points(group=DRIVERS).names)
    if name not in known:
        raise exception.InvalidField(
            field="driver",
            reason=f"one of {', '.join(known)} is wanted.",
        )
    return name


def _checked_url(url: str) -> str:
    """One spelling for one pod manager, so that none is registered twice."""
    wanted = "an http or https URL without credentials, query and fragment "
    error = exception.InvalidField(field="url", reason=wanted + "is wanted.")
    if not url.isprintable() or " " in url:
        raise error
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise error from None
    if (
        parts.scheme.lower() not in ("http", "https")
        or not re.fullmatch(r"[\w.:%-]+", host)
        or port == 0
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise error
    _check_network(host)
    if ":" in host:
        host = f"[{host}]"
    scheme = parts.scheme.lower()
    usual = {"http": 80, "https": 443}[scheme]
    if port is not None and port != usual:
        host = f"{host}:{port}"
    return f"{scheme}://{host}{parts.path.rstrip('/')}"


def _check_network(host: str) -> None:
    """See that a host is where pod managers may be.

    A name that is not known here may be so to the conductors, and they look
    again at each address that they connect to.
    """
    allowed = CONF.pod_manager.allowed_networks
    if not allowed:
        return
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    if not any(networks.is_within(str(i[4][0]), allowed) for i in found):
        raise exception.InvalidField(
            field="url",
            reason="its host is in none of the networks that pod managers may "
            "be in ([pod_manager]allowed_networks).",
        )
