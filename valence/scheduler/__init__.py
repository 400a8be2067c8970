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

"""Finds the pod manager that a node is composed on.

Filters say which pod managers can serve a request, weighers which of those
serves it best; both are entry points, chosen in ``[scheduler]``. Filters
speak SQL, so that pod managers which cannot serve are not even looked at; a
refusal is looked into, pod manager by pod manager, only when there is one.
"""
