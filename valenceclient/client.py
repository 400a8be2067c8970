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

"""The service as Python objects.

::

    from keystoneauth1 import loading
    from keystoneauth1 import session
    from valenceclient import client

    auth = loading.get_plugin_loader("none").load_from_options(
        endpoint="http://127.0.0.1:8181"
    )
    valence = client.Client(session.Session(auth))
    node = valence.nodes.create(name="web-1", flavor_id="small")
    valence.operations.wait(node.operation)

Things are shown as the service shows them, as dictionaries; whatever is named
is named by uuid or by name. A request that begins work returns at once, with
the uuid of the operation in ``operation`` of the document.
"""

import typing

from keystoneauth1 import session as ksa_session

from valenceclient import http
from valenceclient import resources


class Client:
    """The way to everything that the service keeps.

    :param session: how to log in; with auth type ``none`` it is not asked for
    :param microversion: of the API, ``1.N``; None: the newest that both sides
        know
    :param where: endpoint_override, interface, region_name, … as
        keystoneauth's Adapter takes them
    """

    def __init__(
        self,
        session: ksa_session.Session,
        microversion: str | None = None,
        **where: typing.Any,
    ) -> None:
        way = http.Http(session, microversion, **where)
        self._http = way
        self.allocations = resources.Allocations(way)
        self.devices = resources.Devices(way)
        self.flavors = resources.Flavors(way)
        self.nodes = resources.Nodes(way)
        self.operations = resources.Operations(way)
        self.pod_managers = resources.PodManagers(way)
        self.racks = resources.Racks(way)
        self.resource_classes = resources.ResourceClasses(way)
        self.resource_providers = resources.ResourceProviders(way)
        self.systems = resources.Systems(way)

    def versions(self) -> list[dict[str, typing.Any]]:
        """All versions of the API that the service has."""
        found: list[dict[str, typing.Any]]
        found = self._http.document("GET", "/")["versions"]
        return found

    def openapi(self) -> dict[str, typing.Any]:
        """The API as an OpenAPI document."""
        return self._http.document("GET", "/v1/openapi.json")

    def version(self) -> dict[str, typing.Any]:
        """The version that this library speaks."""
        found: dict[str, typing.Any]
        found = self._http.document("GET", "/v1")["version"]
        return found
