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


"""Where a process that serves the API keeps its objects."""

import typing

from oslo_config import cfg

from valence import rpcapi
from valence.api.app import make_application
from valence.db import store
from valence.objects import base

CONF = cfg.CONF


def wire(nudge: rpcapi.Nudger | None = None) -> typing.Any:
    """The application, with its objects where the configuration says."""
    if CONF.api.object_backend == "conductor":
        base.Resource.indirection_api = rpcapi.ObjectAPI()
    else:
        base.use_store(store.Database())
    return make_application(nudge)
