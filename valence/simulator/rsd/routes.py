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

"""Which function answers which request."""

import dataclasses
import typing

import webob

from valence.simulator import routing
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals

if typing.TYPE_CHECKING:
    from valence.simulator.rsd import pod


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a function has to go by."""

    pod: "pod.Pod"
    request: webob.Request
    #: What becomes of the state that an act leads to.
    outcome: str | None


#: A function returns a document, a finished response, or None for 204.
Answer: typing.TypeAlias = dict[str, typing.Any] | webob.Response | None

TABLE = routing.Table(hardware.BASE)
route = TABLE.route


def find(
    method: str, path: str, dialect: dialects.Dialect
) -> tuple[routing.Route, dict[str, str]]:
    """The route for a request, and the words of its path.

    :raises: Refusal (404, or 405 with Allow)
    """
    try:
        return TABLE.find(method, path, dialect)
    except routing.NoRoute as error:
        if not error.allowed:
            raise refusals.Refusal("InvalidEndpoint") from error
        allowed = {"Allow": ", ".join(error.allowed)}
        raise refusals.Refusal("InvalidHttpMethod", headers=allowed) from error
