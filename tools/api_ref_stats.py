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


"""What the API reference says of what is told in numbers."""

#: As api_ref_texts.OTHERS.
STATS: dict[str, tuple[str, str, bool, str]] = {
    "device_stats_allocated": (
        "body",
        "integer",
        True,
        "How many are not free.",
    ),
    "device_stats_free": ("body", "integer", True, "How many are free."),
    "device_stats_pod_manager": (
        "body",
        "string",
        True,
        "Name of the pod manager.",
    ),
    "device_stats_resource_class": (
        "body",
        "string",
        True,
        "The resource class that they are counted under.",
    ),
    "device_stats_total": ("body", "integer", True, "How many there are."),
    "operation_stats_buckets": (
        "body",
        "array",
        True,
        "How many took ``up_to`` so many seconds: ``count``. Each has those "
        "of the ones before it; the last has them all, and null.",
    ),
    "operation_stats_count": ("body", "integer", True, "How many ended."),
    "operation_stats_seconds": (
        "body",
        "number",
        True,
        "What they took together.",
    ),
}
