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

"""A small WSGI server: for valence-api on its own, and standalone."""

import threading
import typing

from cheroot import wsgi
from oslo_config import cfg
from oslo_log import log
from oslo_service import service

from valence import rpc
from valence.db import engine
from valence.wsgi import wiring

CONF = cfg.CONF
LOG = log.getLogger(__name__)


class ApiService(service.Service):
    """Serves the API with cheroot; holds only names until start()."""

    def __init__(self) -> None:
        super().__init__()
        self._server: wsgi.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._server = make_server(wiring.wire())
        self._thread = serve(self._server)

    def stop(self, graceful: bool = True) -> None:
        """Answer what was accepted, then close."""
        if self._server is not None:
            self._server.stop()
        rpc.cleanup()
        engine.dispose()
        super().stop(graceful)

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()


def make_server(application: typing.Any) -> wsgi.Server:
    """Bind; raises OSError where that cannot be."""
    server = wsgi.Server(
        (CONF.api.host, CONF.api.port),
        application,
        numthreads=CONF.api.threads,
        request_queue_size=128,
        server_name="valence",
        # A wait may be this long, and the answer still be on its way.
        shutdown_timeout=CONF.api.max_wait + 5,
        reuse_port=CONF.api.workers > 1,
    )
    server.prepare()
    host, port = server.bind_addr[:2]
    LOG.info("The API listens on http://%s:%d", host, port)
    return server


def serve(server: wsgi.Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve, name="api", daemon=True)
    thread.start()
    return thread
