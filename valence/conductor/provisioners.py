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
"""The provisioners of one process, made when first asked for."""

import threading
import typing

from oslo_config import cfg
from oslo_log import log
import stevedore

from valence import exception
from valence.provision import base

CONF = cfg.CONF
LOG = log.getLogger(__name__)
NAMESPACE = "valence.provision.driver"


class Provisioners:
    """One of each kind, with its connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, base.Provisioner] = {}

    def get(self, name: str) -> base.Provisioner:
        """The provisioner of a name.

        :raises: ProvisionerNotConfigured where it is not installed
        """
        with self._lock:
            if name not in self._made:
                self._made[name] = self._class(name)(CONF)
            return self._made[name]

    @staticmethod
    def _class(name: str) -> type[base.Provisioner]:
        try:
            found: typing.Any = stevedore.DriverManager(NAMESPACE, name)
        except (ImportError, RuntimeError) as e:
            LOG.error("The provisioner '%s' cannot be loaded: %s", name, e)
            raise exception.ProvisionerNotConfigured(
                reason=f"the provisioner '{name}' is not installed on this "
                "conductor"
            ) from None
        return typing.cast(type[base.Provisioner], found.driver)

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, {}
        for provisioner in made.values():
            provisioner.close()
