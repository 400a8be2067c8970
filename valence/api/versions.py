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

"""Microversions of the API.

See https://specs.openstack.org/openstack/api-sig/guidelines/microversion_specification.html
"""

import re

from valence import exception

SERVICE_TYPE = "composition"
HEADER = "OpenStack-API-Version"

#: One line for each; the fields that came with one say so themselves.
HISTORY = [
    "1.0",  # the first
]

MIN = HISTORY[0]
MAX = HISTORY[-1]


def negotiate(header: str | None) -> int:
    """The minor version that a request asks for; none asks for the oldest.

    :param header: ``composition 1.N`` or ``composition latest``, perhaps
        among those of other services
    :raises: NotAcceptable
    """
    for item in (header or "").split(","):
        words = item.split()
        if not words or words[0].lower() != SERVICE_TYPE:
            continue
        wanted = words[1] if len(words) == 2 else ""
        if wanted == "latest":
            return minor(MAX)
        if not re.fullmatch(r"\d+\.\d+", wanted):
            raise exception.InvalidField(
                field=HEADER,
                reason=f"'{SERVICE_TYPE} 1.N' or '{SERVICE_TYPE} latest' is "
                "wanted.",
            )
        if wanted not in HISTORY:
            raise exception.NotAcceptable(
                reason=f"Version {wanted[:32]} is not supported; versions "
                f"{MIN} to {MAX} are.",
                min_version=MIN,
                max_version=MAX,
            )
        return minor(wanted)
    return minor(MIN)


def minor(version: str) -> int:
    return int(version.split(".")[1])


def document(base_url: str) -> dict[str, object]:
    """What version discovery shows of /v1."""
    return {
        "id": "v1",
        "status": "CURRENT",
        "min_version": MIN,
        "max_version": MAX,
        "version": MAX,
        "links": [{"rel": "self", "href": f"{base_url}/v1/"}],
    }
