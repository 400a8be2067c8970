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

"""The message bus: transport, and what travels with a message."""

import typing

from oslo_config import cfg
import oslo_messaging
from oslo_messaging.rpc import dispatcher
from oslo_versionedobjects import base as ovo_base

from valence import exception
from valence.context import RequestContext
from valence.objects import base

CONF = cfg.CONF
TOPIC = "valence-conductor"

# A queue and an exchange of our own, on whatever broker we are given.
oslo_messaging.set_transport_defaults(control_exchange="valence")


#: The modules whose errors come back over the bus as what they are.
_ERRORS = sorted(
    {getattr(exception, name).__module__ for name in exception.__all__}
)


class _ObjectSerializer(ovo_base.VersionedObjectSerializer):
    OBJ_BASE_CLASS = base.Resource


class Serializer(oslo_messaging.Serializer):
    """Versioned objects and the request's context, as plain values."""

    def __init__(self) -> None:
        self._objects = _ObjectSerializer()

    def serialize_entity(
        self, ctxt: RequestContext, entity: typing.Any
    ) -> typing.Any:
        return self._objects.serialize_entity(ctxt, entity)

    def deserialize_entity(
        self, ctxt: RequestContext, entity: typing.Any
    ) -> typing.Any:
        return self._objects.deserialize_entity(ctxt, entity)

    def serialize_context(self, ctxt: RequestContext) -> dict[str, object]:
        return ctxt.to_dict()

    def deserialize_context(
        self, ctxt: dict[str, typing.Any]
    ) -> RequestContext:
        return RequestContext.from_dict(ctxt)


_transport: oslo_messaging.Transport | None = None
_url: str | None = None


def use_memory() -> None:
    """All of Valence is this one process: its memory is the bus."""
    global _url
    _url = "fake://"


def is_memory() -> bool:
    """Whether the memory of this process is the bus."""
    return _url is not None


def transport() -> oslo_messaging.Transport:
    """The transport of this process, made at its first use."""
    global _transport
    if _transport is None:
        _transport = oslo_messaging.get_rpc_transport(
            CONF, url=_url, allowed_remote_exmods=_ERRORS
        )
    return _transport


def cleanup() -> None:
    global _transport
    if _transport is not None:
        _transport.cleanup()
        _transport = None


def client(**kwargs: typing.Any) -> oslo_messaging.RPCClient:
    return oslo_messaging.get_rpc_client(
        transport(),
        oslo_messaging.Target(topic=TOPIC, version="1.0"),
        serializer=Serializer(),
        **kwargs,
    )


def server(
    host: str, endpoints: list[object]
) -> oslo_messaging.MessageHandlingServer:
    return oslo_messaging.get_rpc_server(
        transport(),
        oslo_messaging.Target(topic=TOPIC, server=host),
        endpoints,
        executor="threading",
        serializer=Serializer(),
        access_policy=dispatcher.DefaultRPCAccessPolicy,
    )
