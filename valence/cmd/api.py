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

"""valence-api: serves the REST API on its own, without a WSGI server."""

import sys

from oslo_config import cfg

from valence import conf
from valence.cmd import checks
from valence.cmd import launch
from valence.cmd import server

CONF = cfg.CONF


def main() -> int:
    conf.setup(name="valence-api")
    if CONF.api.object_backend == "database":
        checks.database_is_current()
        checks.secrets_can_be_read()
    server.clients_are_known()
    server.address_is_free()
    return launch.run(
        server.ApiService(), CONF.api.max_wait, workers=CONF.api.workers
    )


if __name__ == "__main__":
    sys.exit(main())
