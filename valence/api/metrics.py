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

"""/metrics, for Prometheus.

The format is that of "Exposition formats" in its documentation, or
OpenMetrics for those that accept it.
"""

import itertools
import math
import typing

from prometheus_client import core
from prometheus_client import exposition
from prometheus_client import registry
from prometheus_client import utils
import webob

from valence import objects
from valence import states
from valence.api.call import Call
from valence.context import RequestContext
from valence.objects import base

OPEN = [s for s in states.OPERATION.states if s not in states.OPERATION.final]


class _Metrics(registry.Collector):
    """What there is when somebody looks, in five statements."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def collect(self) -> typing.Iterator[core.Metric]:
        yield self._durations()
        yield self._gauge(
            "valence_operations",
            "Operations that have not ended.",
            objects.Operation,
            {"kind": list(objects.operation.KINDS), "state": OPEN},
            state=OPEN,
        )
        yield self._gauge(
            "valence_nodes",
            "Nodes.",
            objects.Node,
            {"provision_state": states.NODE.states},
        )
        yield self._gauge(
            "valence_pod_managers",
            "Pod managers.",
            objects.PodManager,
            {"status": states.POD_MANAGER.states},
        )
        yield self._gauge(
            "valence_devices",
            "Pooled devices that are there.",
            objects.Device,
            # Their types are whatever pod managers say.
            {"type": (), "state": states.DEVICE.states},
            deleted_at=None,
        )

    def _durations(self) -> core.Metric:
        metric = core.HistogramMetricFamily(
            "valence_operation_duration_seconds",
            "From when an operation was asked for to when it ended.",
            labels=("kind", "state"),
        )
        for one in objects.Operation.stats(self._context, {}):
            metric.add_metric(
                (one["kind"], one["state"]),
                [
                    (utils.floatToGoString(b["up_to"] or math.inf), b["count"])
                    for b in one["buckets"]
                ],
                one["seconds"],
            )
        return metric

    def _gauge(
        self,
        name: str,
        text: str,
        cls: type[base.Resource],
        labels: dict[str, typing.Sequence[str]],
        **filters: typing.Any,
    ) -> core.Metric:
        """How many there are.

        :param labels: field → its values. What there is none of is 0, and not
            missing: who watches for it could not tell that from a fault.
        """
        metric = core.GaugeMetricFamily(name, text, labels=list(labels))
        counts = dict.fromkeys(itertools.product(*labels.values()), 0)
        for one in cls.count(self._context, list(labels), filters):
            counts[tuple(one[label] for label in labels)] = one["count"]
        for values, count in counts.items():
            metric.add_metric([value or "" for value in values], count)
        return metric


def show(call: Call) -> webob.Response:
    """All of them, to who may read what all projects have."""
    call.query()
    encoder, content_type = exposition.choose_encoder(
        call.request.headers.get("Accept", "")
    )
    metrics = registry.CollectorRegistry()
    metrics.register(_Metrics(call.context))
    response = webob.Response(encoder(metrics))
    response.headers["Content-Type"] = content_type
    return response
