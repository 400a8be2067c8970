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

"""valence-standalone: API and conductor in one process; nothing to set up."""

import os
import pathlib
import sys

from oslo_config import cfg
from oslo_service import service

from valence import conf
from valence import exception
from valence import keys
from valence import rpc
from valence.cmd import checks
from valence.cmd import launch
from valence.cmd import server
from valence.conductor.service import ConductorService
from valence.db import engine
from valence.db import secrets
from valence.wsgi import wiring

CONF = cfg.CONF


class StandaloneService(service.Service):
    """The conductor first, so that nothing is asked for before it is there;
    and last, so that nothing is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conductor = ConductorService()
        self._server: server.Server | None = None

    def start(self) -> None:
        self._conductor.start()
        self._server = server.make_server(wiring.wire())
        server.serve(self._server)

    def stop(self, graceful: bool = True) -> None:
        if self._server is not None:  # else it is still starting
            self._server.stop()
        self._conductor.stop(graceful)
        super().stop(graceful)

    def wait(self) -> None:
        self._conductor.wait()


def _state_directory() -> pathlib.Path:
    home = os.environ.get("XDG_STATE_HOME")
    base = pathlib.Path(home) if home else pathlib.Path.home() / ".local/state"
    return base / "valence"


def _prepare_secrets() -> None:
    """Have keys, beside an SQLite database if nowhere else, and use them."""
    url = engine.writer_engine().url
    if url.get_backend_name() == "sqlite" and url.database:
        CONF.set_default("key_repository", f"{url.database}-keys", "secrets")
    try:
        if not secrets.survey().keys:
            # Otherwise there were keys, and others would be of no use.
            keys.set_up(CONF.secrets.key_repository)
        checks.secrets_can_be_read()
        if secrets.encrypt():
            secrets.scrub()
    except exception.KeysUnusable as e:
        sys.exit(str(e))


def main() -> int:
    conf.setup(name="valence-standalone")
    if not CONF.database.connection:
        directory = _state_directory()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        CONF.set_default(
            "connection", f"sqlite:///{directory}/valence.sqlite", "database"
        )
    # Nothing has to be set up to try it, on this machine.
    CONF.set_default("auth_strategy", "noauth")
    server.clients_are_known()
    rpc.use_memory()
    CONF.set_override("object_backend", "database", "api")
    checks.upgrade_database()
    _prepare_secrets()
    engine.dispose()
    checks.scheduler_is_complete()
    checks.placement_is_named()
    server.address_is_free()
    print(
        f"Valence listens on http://{CONF.api.host}:{CONF.api.port} and "
        f"keeps its data in {CONF.database.connection}. "
        "Press Ctrl-C to stop.",
        file=sys.stderr,
    )
    return launch.run(
        StandaloneService(),
        CONF.api.max_wait,
        CONF.conductor.drain_timeout,
        CONF.pod_manager.timeout,
    )


if __name__ == "__main__":
    sys.exit(main())
