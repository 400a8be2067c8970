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

"""What the API reference says of a node's requirements."""

REQUIREMENTS = {
    "memory": "What memory it needs.",
    "memory.type": "Type of its modules, such as ``DDR4``.",
    "memory.capacity_mib": "At least so much, in MiB.",
    "processor": "What processors it needs.",
    "processor.model": "The model, as the pod manager calls it.",
    "processor.total_cores": "At least so many cores.",
    "pci_device": "What pooled devices it needs: at most 1024, of at most 32 "
    "kinds.",
    "pci_device.type": "Types of the devices, one for each that it needs, "
    "such as ``NIC`` or ``SSD``; two of a type are named twice.",
    "pci_device.devices": "More of them, or in other words: a list of what "
    "is needed, with its number.",
    "pci_device.devices.type": "Type of the devices, such as ``GPU``.",
    "pci_device.devices.count": "How many of them; 1 where it is not said.",
    "pci_device.devices.vendor": "Who made them, as a device's ``vendor`` "
    "says it.",
    "pci_device.devices.model": "What its maker calls them, as a device's "
    "``model`` says it.",
    "pci_device.devices.capacity_gib": "Storage of at least so many GiB each.",
    "placement": "Where it is composed.",
    "placement.rack": "A system in this rack: uuid, name or index.",
    "placement.location": "On a pod manager with this ``location``.",
    "placement.same_rack": "Its devices stand in the rack of its system.",
    "placement.same_pool": "Its devices stand in one pool: they have the "
    "same ``pooled_group_id``.",
    "traits": "What the pod manager has to be, as a resource provider: at "
    "most 32 traits.",
    "traits.required": "Traits that it has to have.",
    "traits.forbidden": "Traits that it must not have.",
    "resources": "What it holds of pools that operators keep: the amount of "
    "each resource class, of at most 32.",
    "remote_storage": "A drive on the pod's storage, made for it.",
    "remote_storage.capacity_gib": "Its size in GiB.",
    "remote_storage.protocol": "How it is reached.",
    "remote_storage.iscsi_address": "Name of the iSCSI target to make.",
    "remote_storage.master": "What it is made from.",
    "remote_storage.master.type": "How it is made from that.",
    "remote_storage.master.address": "Address of the drive to take.",
    "remote_storage.master.resource": "URI of the drive to take.",
}
