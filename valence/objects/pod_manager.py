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

"""A registered controller of a rack or a fabric."""

import typing

from valence import states
from valence.objects import base
from valence.objects import fields as f

if typing.TYPE_CHECKING:
    from valence.context import RequestContext

WRITE = f.Access.WRITE

#: Ways to log in: HTTP Basic authentication, and sessions of Redfish.
AUTHENTICATION = ("basic", "session")


@base.Registry.register
class PodManager(base.Resource):
    """A hardware controller: its url, driver, credentials and status."""

    VERSION = "1.0"
    NOUN = "pod manager"
    COLLECTION = "pod_managers"
    STATE = ("status", states.POD_MANAGER)

    fields = {
        "name": f.String(
            access=WRITE, unique=True, filterable=True, help="Unique name."
        ),
        "url": f.String(
            access=WRITE,
            unique=True,
            length=512,
            help="http or https URL of its REST API; unique.",
        ),
        "driver": f.String(
            access=WRITE,
            length=64,
            filterable=True,
            help="Name of the driver that speaks its protocol.",
        ),
        "authentication": f.Credentials(
            access=WRITE,
            help="How to log in: a list with one entry, of type basic or "
            "session (of Redfish), whose auth_items are username and "
            "password. Secrets are never shown.",
        ),
        "verify_ca": f.Boolean(
            access=WRITE,
            help="Whether its TLS certificate has to be trusted.",
        ),
        "ca_certificate": f.String(
            access=WRITE,
            nullable=True,
            length=65535,
            detail=True,
            help="PEM certificates to trust in place of the system's.",
        ),
        "description": f.String(
            access=WRITE, nullable=True, length=1024, help="Free text."
        ),
        "location": f.String(
            access=WRITE, nullable=True, help="Where it stands."
        ),
        "maintenance": f.Boolean(
            access=WRITE,
            filterable=True,
            help="No new nodes are composed on it while this is true.",
        ),
        "status": f.Enum(
            states.POD_MANAGER.states,
            filterable=True,
            help="Connecting, Online, Offline (no answer) or Error (refuses "
            "the credentials, or is no such pod manager).",
        ),
        "status_reason": f.String(
            nullable=True,
            length=2048,
            help="Why it is not Online.",
        ),
        "version": f.String(
            nullable=True, help="Version that it reports of itself."
        ),
        "capabilities": f.Json(
            form=list,
            help="What it can do: compose, power, boot, racks, attach.",
        ),
        "requirement_keys": f.Json(
            form=list,
            help="What a flavor or a node's properties may ask of it.",
        ),
        "usage": f.Json(
            computed=True,
            help="Its nodes by provision_state; its devices: total, free, "
            "allocated (which includes what is being attached or detached) "
            "and the same by type; and, by resource class: total, reserved, "
            "used and free.",
        ),
        "synced_at": f.DateTime(
            nullable=True, help="When its inventory was last read."
        ),
        "next_sync_at": f.DateTime(
            nullable=True, help="When its inventory will be read again."
        ),
        "sync_failures": f.Integer(
            access=f.Access.HIDDEN,
            help="Syncs that failed since the last that succeeded.",
        ),
        "hardware_nodes": f.Json(
            form=list,
            access=f.Access.HIDDEN,
            help="The composed nodes that it holds, those of others too.",
        ),
        "operation_id": f.Uuid(
            nullable=True, help="The operation that is in charge of it."
        ),
    }

    def obj_load_attr(self, attrname: str) -> None:
        if attrname != "usage":
            super().obj_load_attr(attrname)
        (self.usage,) = self.count_usage(self._context, [self.uuid])
        self.obj_reset_changes(["usage"])

    @classmethod
    @base.remotable
    def count_usage(
        cls, context: "RequestContext", uuids: list[str]
    ) -> list[dict[str, typing.Any]]:
        """The usage of each of these pod managers, in one statement."""
        return base.store().usage(context, uuids)
