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
"""Running a service in processes of its own, until it is told to stop."""

from oslo_config import cfg
from oslo_service import opts
from oslo_service import service

CONF = cfg.CONF

#: Seconds for all that comes after draining.
_MARGIN = 30


def run(one: service.Service, *draining: float, workers: int = 1) -> int:
    """Returns the exit status.

    :param draining: seconds that it may take to drain, one part after the
        other
    """
    opts.register_service_opts(CONF)
    # The library's own would cut off what our options allow.
    CONF.set_default("graceful_shutdown_timeout", int(sum(draining)) + _MARGIN)
    launcher = service.launch(
        CONF, one, workers=workers, restart_method="mutate"
    )
    return launcher.wait() or 0
