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

"""Options of the secrets that are kept in the database."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "key_repository",
        default="/etc/valence/secret-keys",
        help="Directory of the keys that secrets in the database are "
        "encrypted with; 'valence-secrets setup' makes it. It is the same on "
        "all hosts with conductors or API processes, and only the user that "
        "these run as may read it. valence-standalone on SQLite makes one "
        "beside its database unless this is set. Not needed where "
        "[api]object_backend is conductor.",
    ),
]
