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


"""The service root of a pod manager, and its composed nodes."""

import time
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import connector as rsd_connector
from valence.drivers.redfishv1 import errors
from valence.drivers.redfishv1 import inventory
from valence.drivers.redfishv1 import nodes as rsd_nodes
from valence.drivers.redfishv1 import resources

Settled = typing.Callable[[resources.Node], bool]
State = typing.Callable[[resources.Node], str | None]


class Pod:
    """Reads nodes, and remembers where each stands."""

    def __init__(self, connection: base.Connection) -> None:
        self.connection = connection
        self.connector = rsd_connector.Connector(connection)
        self.workers = inventory.Workers()
        self._root: resources.ServiceRoot | None = None
        self._paths: dict[str, str] = {}

    def close(self) -> None:
        self.workers.close()
        self.connector.close()

    def root(self) -> resources.ServiceRoot:
        """The service root, which is read once."""
        if self._root is None:
            self._root = self._read_root()
        return self._root

    def enter(self) -> tuple[resources.ServiceRoot, resources.Page]:
        """The service root, read anew, and the collection of nodes."""
        root = self._read_root()
        page, _ = self._members(root)
        self._root = root
        return root, page

    def _read_root(self) -> resources.ServiceRoot:
        return resources.ServiceRoot(self.connector, self.connector.root_path)

    def members(self) -> tuple[resources.Page, list[str]]:
        """The collection of nodes and the paths of its members."""
        return self._members(self.root())

    def _members(
        self, root: resources.ServiceRoot
    ) -> tuple[resources.Page, list[str]]:
        if root.nodes is None:
            raise errors.malformed(
                "the service at this url has no composed nodes; it is not an "
                "Intel RSD pod manager"
            )
        page, paths = resources.collection(
            self.connector, self.connector.path_of(root.nodes)
        )
        self._paths = {resources.index_of(p): p for p in paths}
        return page, paths

    def read_each(self, paths: list[str]) -> list[resources.Node]:
        return inventory.read_all(
            self.workers, self.connector, resources.Node, paths
        )

    def tagged(self, tag: str, paths: list[str]) -> resources.Node | None:
        for node in self.read_each(paths):
            if rsd_nodes.tag_of(node) == tag:
                return node
        return None

    def path(self, index: str) -> str:
        """Where the node stands; the pod manager says it, never we."""
        if index not in self._paths:
            self.members()
        try:
            return self._paths[index]
        except KeyError:
            raise rsd_nodes.absent(index) from None

    def learn(self, path: str) -> None:
        """Remember where a new node stands."""
        self._paths[resources.index_of(path)] = path

    def forget(self, index: str) -> None:
        self._paths.pop(index, None)

    def find(self, index: str) -> resources.Node:
        return self.read(self.path(index))

    def read(self, path: str) -> resources.Node:
        try:
            return resources.Node(self.connector, path)
        except exception.HardwareNotFound:
            index = resources.index_of(path)
            self.forget(index)
            raise rsd_nodes.absent(index) from None

    def wait(
        self,
        path: str,
        wanted: str,
        settled: Settled,
        progress: base.Progress,
        *,
        fails: bool = True,
        what: str | None = None,
        state: State = lambda node: node.state,
    ) -> resources.Node:
        """Look at a node until it has settled.

        :param wanted: what is waited for, in words
        :param fails: whether a node that is Failed ends it
        :param what: what it is that is waited for, if not the node
        :param state: what of the node tells how far that is
        """
        deadline = time.monotonic() + self.connection.state_timeout
        found: str | None = None
        while True:
            try:
                node = self.read(path)
            except exception.BackendError as error:
                if error.values.get("http_status") != 503:
                    raise
                found = "unknown (the pod manager is busy)"
            else:
                found = state(node)
                if fails and node.state == rsd_nodes.FAILED:
                    raise rsd_nodes.failed(node, wanted)
                if settled(node):
                    return node
            if time.monotonic() >= deadline:
                raise exception.HardwareTimeout(
                    what=what or f"Node {resources.index_of(path)}",
                    wanted=wanted,
                    seconds=self.connection.state_timeout,
                    state=found or "unknown",
                )
            progress.pause(self.connection.poll_interval)
