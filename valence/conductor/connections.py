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

"""One driver, and so one pooled HTTP session, for each pod manager."""

from concurrent import futures
import hashlib
import pathlib
import tempfile
import threading
import typing

from oslo_config import cfg
from oslo_log import log
import stevedore

from valence import exception
from valence import objects
from valence.db import secrets
from valence.drivers import base

CONF = cfg.CONF
LOG = log.getLogger(__name__)
NAMESPACE = "valence.podmanager.driver"
#: Connections that are closed at once when a conductor stops, and the seconds
#: that all of them may take.
CLOSERS = 16
CLOSE_TIMEOUT = 10


class Connections:
    """The drivers of one process, made when first asked for.

    The row of the pod manager is read by each operation; where its url or
    credentials differ from those that a driver was made with, that driver
    is closed and another takes its place. Credentials that were only
    encrypted anew are the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drivers: dict[str, tuple[typing.Any, base.Driver]] = {}
        self._classes = driver_classes()
        self._ca_files: tempfile.TemporaryDirectory[str] | None = None

    def get(self, podm: objects.PodManager) -> base.Driver:
        """The driver of a pod manager.

        :raises: HardwareNotSupported where this conductor lacks its driver,
            SecretUnreadable
        """
        # Before the lock: it may wait for a key.
        authentication = secrets.opened(podm, "authentication")
        with self._lock:
            connection = self._connection(podm, authentication)
            made_with = (podm.driver, connection)
            known = self._drivers.get(podm.uuid)
            if known and known[0] == made_with:
                return known[1]
            if podm.driver not in self._classes:
                raise exception.HardwareNotSupported(
                    reason=f"the driver '{podm.driver}' is not installed "
                    "on this conductor"
                )
            driver = self._classes[podm.driver](connection)
            self._drivers[podm.uuid] = (made_with, driver)
        if known:
            self._close(known[1])
        return driver

    def drop(self, podm_id: str) -> None:
        """Close what is kept for a pod manager that is gone."""
        with self._lock:
            known = self._drivers.pop(podm_id, None)
        if known:
            self._close(known[1])

    def known(self) -> list[str]:
        """The pod managers that something is kept for."""
        with self._lock:
            return list(self._drivers)

    def close(self) -> None:
        with self._lock:
            drivers = [driver for _, driver in self._drivers.values()]
            self._drivers.clear()
        # Side by side: some log out, of hardware that may not answer.
        pool = futures.ThreadPoolExecutor(CLOSERS)
        futures.wait(
            [pool.submit(self._close, driver) for driver in drivers],
            timeout=CLOSE_TIMEOUT,
        )
        pool.shutdown(wait=False, cancel_futures=True)
        if self._ca_files is not None:
            self._ca_files.cleanup()
            self._ca_files = None

    @staticmethod
    def _close(driver: base.Driver) -> None:
        try:
            driver.close()
        except exception.HardwareError as e:
            LOG.debug("Closing a connection: %s", e)

    def _connection(
        self, podm: objects.PodManager, authentication: list[typing.Any]
    ) -> base.Connection:
        items = authentication[0]["auth_items"] if authentication else {}
        verify: bool | str = podm.verify_ca
        if podm.verify_ca and podm.ca_certificate:
            verify = self._ca_file(podm)
        return base.Connection(
            url=podm.url,
            authentication=(
                authentication[0]["type"] if authentication else "basic"
            ),
            username=items.get("username"),
            password=items.get("password"),
            verify=verify,
            allowed_networks=tuple(CONF.pod_manager.allowed_networks),
            timeout=CONF.pod_manager.timeout,
            poll_interval=CONF.pod_manager.poll_interval,
            state_timeout=CONF.pod_manager.state_timeout,
        )

    def _ca_file(self, podm: objects.PodManager) -> str:
        """Put certificates where TLS libraries look for them: in a file."""
        if self._ca_files is None:
            self._ca_files = tempfile.TemporaryDirectory(prefix="valence-ca-")
        digest = hashlib.sha256((podm.ca_certificate or "").encode())
        path = pathlib.Path(self._ca_files.name, f"{digest.hexdigest()}.pem")
        if not path.exists():
            path.write_text(podm.ca_certificate or "")
        return str(path)


def driver_classes() -> dict[str, type[base.Driver]]:
    """The installed drivers, by name."""
    manager: typing.Any = stevedore.ExtensionManager(
        NAMESPACE,
        on_load_failure_callback=lambda _manager, entry, error: LOG.error(
            "The driver '%s' cannot be loaded: %s", entry.name, error
        ),
    )
    return {extension.name: extension.plugin for extension in manager}
