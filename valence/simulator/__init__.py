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

"""Hardware that is not there: for demos, for devstack and for tests.

The simulator is written from the protocols and knows nothing of Valence: it
is what the drivers are held against.

.. code-block:: python

    with Simulator(pods=[PodSpec(dialect="2.1", systems=20)]) as simulator:
        pod = simulator.pods[0]
        pod.faults.add(point="assemble", state="never")
        requests.get(pod.url + "/redfish/v1", auth=("admin", "admin"))

    with Simulator([EemSpec(devices=2000), PodSpec()]) as simulator:
        eem = simulator.eems[0]
        requests.get(eem.url + "/devices/detail", auth=("admin", "admin"))
"""

from valence.simulator.clock import Clock
from valence.simulator.eem.manager import Eem
from valence.simulator.eem.manager import EemSpec
from valence.simulator.faults import BadFault
from valence.simulator.faults import Fault
from valence.simulator.rsd.hardware import Board
from valence.simulator.rsd.hardware import Disk
from valence.simulator.rsd.hardware import Profile
from valence.simulator.rsd.pod import Pod
from valence.simulator.rsd.specification import PodSpec
from valence.simulator.simulator import Simulator

__all__ = [
    "BadFault",
    "Board",
    "Clock",
    "Disk",
    "Eem",
    "EemSpec",
    "Fault",
    "Pod",
    "PodSpec",
    "Profile",
    "Simulator",
]
