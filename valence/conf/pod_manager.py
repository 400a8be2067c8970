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

"""Options of the connections to pod managers."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        "timeout",
        default=30,
        min=0.1,
        help="Seconds that one HTTP call to a pod manager may take.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=1,
        min=0.01,
        help="Seconds between two looks at a state that is awaited.",
    ),
    cfg.FloatOpt(
        "state_timeout",
        default=600,
        min=0.1,
        help="Seconds that a pod manager may take to change the state of a "
        "node (to allocate, assemble, power or free it).",
    ),
    cfg.FloatOpt(
        "settle_time",
        default=30,
        min=0,
        help="Seconds to go on looking for a node whose request got no "
        "answer, before it is taken for not made.",
    ),
    cfg.IntOpt(
        "sync_interval",
        default=600,
        min=0,
        help="Seconds between two looks at the whole inventory of a pod "
        "manager. One that fails is tried again sooner and then ever more "
        "seldom. 0: only when asked for.",
    ),
]
