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

"""What keystoneauth wants to know of a service of OpenStack that is asked."""

import collections.abc

from keystoneauth1 import loading
from oslo_config import cfg

#: Ways to log in that are shown in the sample of the configuration.
_SHOWN = ("none", "http_basic", "password", "v3applicationcredential")


def options(
    service_type: str, without: collections.abc.Collection[str] = ()
) -> list[cfg.Opt]:
    """How a service is found, spoken to and logged in to.

    :param service_type: its type in the catalog, where nobody says otherwise
    :param without: options that are not heeded
    """
    adapter = loading.get_adapter_conf_options(include_deprecated=False)
    opts = [
        *loading.get_auth_common_conf_options(),
        *loading.get_session_conf_options(),
        *(opt for opt in adapter if opt.dest not in without),
    ]
    cfg.set_defaults(
        opts,
        timeout=30,
        service_type=service_type,
        valid_interfaces=["internal", "public"],
    )
    return opts


def samples(opts: list[cfg.Opt]) -> list[cfg.Opt]:
    """Options of a group, with those of the usual ways to log in.

    keystoneauth registers these when it is known how.
    """
    shown = {opt.dest: opt for opt in opts}
    for name in _SHOWN:
        for opt in loading.get_auth_plugin_conf_options(name):
            shown.setdefault(opt.dest, opt)
    return list(shown.values())
