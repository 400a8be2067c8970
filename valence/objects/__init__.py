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

"""The nouns of Valence."""

from valence.objects.allocation import Allocation
from valence.objects.device import Device
from valence.objects.flavor import Flavor
from valence.objects.idempotency import IdempotencyKey
from valence.objects.inventory import Inventory
from valence.objects.node import Node
from valence.objects.operation import Operation
from valence.objects.pod_manager import PodManager
from valence.objects.rack import Rack
from valence.objects.resource_class import ResourceClass
from valence.objects.resource_provider import ResourceProvider
from valence.objects.system import System

__all__ = [
    "Allocation",
    "Device",
    "Flavor",
    "IdempotencyKey",
    "Inventory",
    "Node",
    "Operation",
    "PodManager",
    "Rack",
    "ResourceClass",
    "ResourceProvider",
    "System",
]

#: What an operation may work on, by the word for it.
TARGETS = {cls.NOUN: cls for cls in (Node, PodManager)}
