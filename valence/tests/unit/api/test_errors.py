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
import json

import webob.exc

from valence import context
from valence import exception
from valence import rpc
from valence.api import errors
from valence.tests import base


class DBError(Exception):
    __module__ = "oslo_db.exception"


#: As valence.scheduler.select says it.
REFUSAL = {
    "podm_id": "4b1e6c1e-0b5e-4a83-9a0e-6d1f0b6c1f10",
    "pod_manager": "pod-1",
    "filter": "capacity",
    "reason": "it has too little left: 2 of type NVMe needed, 1 free",
    "needed": {"NVMe": 2},
    "free": {"NVMe": 1},
}


class TestErrors(base.TestCase):
    def test_shape(self) -> None:
        answer = errors.response(
            exception.NotFound(noun="node", ident="x"),
            {"openstack.request_id": "req-1"},
        )
        self.assertEqual(404, answer.status_int)
        self.assertEqual(
            {
                "errors": [
                    {
                        "code": "resource.not_found",
                        "status": 404,
                        "title": "Not found",
                        "detail": "No node 'x'.",
                        "request_id": "req-1",
                    }
                ]
            },
            json.loads(answer.body),
        )

    def test_headers(self) -> None:
        for error, name, value in (
            (
                exception.MethodNotAllowed(method="PUT", allowed="GET"),
                "Allow",
                "GET",
            ),
            (exception.BodyTooLarge(limit=1), "Connection", "close"),
            (exception.UnreadableBody(reason="x"), "Connection", "close"),
            (exception.Unavailable(), "Retry-After", "10"),
        ):
            answer = errors.response(error, {})
            self.assertEqual(value, answer.headers[name])

    def test_the_hardware_is_told_to_those_who_may_know_of_it(self) -> None:
        for error, told in (
            (exception.Unreachable(reason="10.1.2.3"), False),
            (exception.NoPodManager([REFUSAL]), False),
            (exception.Conflict("pod-1 is away", public="It is away."), False),
            (exception.NotFound(noun="node", ident="pod-1"), True),
        ):
            for sees in (True, False):
                who = context.RequestContext(sees_hardware=sees)
                answer = errors.response(error, {"valence.context": who})
                (shown,) = json.loads(answer.body)["errors"]
                self.assertEqual(
                    sees or told, shown["detail"] == error.detail, shown
                )
            # Nobody knows yet who asks.
            answer = errors.response(error, {})
            self.assertEqual(told, error.detail in answer.text, answer.text)

    def test_refusals_name_nobody_s_pod_managers(self) -> None:
        for sees, wanted in (
            (True, [REFUSAL]),
            (False, [{"filter": "capacity", "needed": {"NVMe": 2}}]),
        ):
            who = context.RequestContext(sees_hardware=sees)
            answer = errors.response(
                exception.NoPodManager([REFUSAL] * (1 if sees else 2)),
                {"valence.context": who},
            )
            (shown,) = json.loads(answer.body)["errors"]
            self.assertEqual(wanted, shown["refusals"])
            self.assertEqual(sees, "pod-1" in answer.text)

    def test_what_was_tried_is_told_without_its_name(self) -> None:
        tried = REFUSAL | {"filter": None, "needed": {}}
        who = context.RequestContext(sees_hardware=False)
        answer = errors.response(
            exception.NoPodManager([REFUSAL, tried]), {"valence.context": who}
        )
        (shown,) = json.loads(answer.body)["errors"]
        self.assertEqual(
            "Nothing that is free now can serve this. In the way: capacity. "
            "What fits was tried, and failed; try again.",
            shown["detail"],
        )
        self.assertEqual(
            [{"filter": "capacity", "needed": {"NVMe": 2}}], shown["refusals"]
        )

    def test_what_is_not_ours_is_not_told(self) -> None:
        for error, status in (
            (ValueError("s3cr3t"), 500),
            (KeyError("s3cr3t"), 500),
            (UnicodeDecodeError("s3cr3t", b"", 0, 1, "s3cr3t"), 500),
            (DBError("INSERT s3cr3t"), 503),
            (webob.exc.HTTPBadRequest("s3cr3t"), 400),
            (webob.exc.HTTPNotAcceptable("s3cr3t"), 406),
        ):
            named = errors.named(error)
            self.assertEqual(status, named.status)
            self.assertNotIn("s3cr3t", named.detail)

    def test_codes_and_statuses(self) -> None:
        # Clients match on the code: one code has one status.
        found: dict[str, int] = {}
        todo = [exception.ValenceError]
        while todo:
            cls = todo.pop()
            todo += cls.__subclasses__()
            if not cls.__module__.startswith(f"{exception.__name__}."):
                continue
            # What a conductor raises is the same in an API process.
            self.assertIn(cls.__module__, rpc._ERRORS)
            self.assertRegex(cls.code, r"^[a-z_]+(\.[a-z_]+)?$")
            self.assertEqual(
                cls.status, found.setdefault(cls.code, cls.status), cls
            )
        self.assertIn("resource.not_found", found)
