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

"""Options that say who may ask."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "auth_strategy",
        default="keystone",
        choices=[
            ("keystone", "a token of Keystone: see [keystone_authtoken]"),
            (
                "http_basic",
                "a user and a password of [oslo_middleware]"
                "http_basic_auth_user_file; each of them is an administrator",
            ),
            (
                "noauth",
                "nobody is asked; everybody on this machine is an "
                "administrator, and nobody else is served",
            ),
        ],
        help="How the API knows who asks. valence-standalone defaults to "
        "noauth.",
    ),
]
