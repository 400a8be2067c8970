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

"""composition system"""

from valenceclient.osc import base


class ListSystem(base.List):
    """List systems: computers that nodes can be composed on"""

    collection = "systems"
    columns = ("uuid", "name", "state", "cpu_cores", "memory_mib", "health")
    long = (
        "podm_id",
        "rack_id",
        "node_id",
        "index",
        "cpu_count",
        "cpu_model",
        "power_state",
        "mac_addresses",
    )
    filters = ("podm_id", "rack_id", "node_id", "state", "index")
    # With devices it is the index on the pod manager.
    references = base.List.references | {"node_id": "nodes"}


class ShowSystem(base.Show):
    """Show a system"""

    collection = "systems"
    noun = "system"
