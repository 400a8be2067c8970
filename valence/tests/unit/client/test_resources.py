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

"""Lists, waiting, and changes beside others."""

from valence.tests.unit.client import case
from valenceclient import exceptions

PROXIED = "https://elsewhere.example/api/v1/nodes"
UUID = "0b6ac7a5-31f0-4b8b-b9f7-8a2b2a2d4a55"


def page(*uuids: str, **following: str) -> dict[str, object]:
    """An answer, with the query of the next page."""
    query = "&".join(f"{k}={v}" for k, v in following.items())
    link = {"Link": f'<{PROXIED}?{query}>; rel="next"'} if query else {}
    return {"json": [{"uuid": u} for u in uuids], "headers": link}


class TestLists(case.ClientCase):
    def uuids(self, **asked: object) -> list[str]:
        return [one["uuid"] for one in self.client.nodes.list(**asked)]

    def test_all_pages(self) -> None:
        self.http.get(
            "/v1/nodes",
            [page("a", "b", marker="b", limit="2", name="x"), page("c")],
        )
        self.assertEqual(["a", "b", "c"], self.uuids(name="x", podm_id=None))
        self.assertEqual(
            [
                ("GET", "/v1/nodes?name=x"),
                ("GET", "/v1/nodes?marker=b&limit=2&name=x"),
            ],
            self.sent(),
        )

    def test_no_more_than_was_asked_for(self) -> None:
        self.http.get(
            "/v1/nodes",
            [
                page("a", "b", marker="b", limit="2"),
                page("c", marker="c", limit="1"),
            ],
        )
        self.assertEqual(["a", "b", "c"], self.uuids(limit=3))
        self.assertEqual(
            [
                ("GET", "/v1/nodes?limit=3"),
                ("GET", "/v1/nodes?marker=b&limit=1"),
            ],
            self.sent(),
        )

    def test_only_what_is_read_is_asked_for(self) -> None:
        self.http.get("/v1/nodes", [page("a", marker="a"), page("b")])
        self.assertEqual("a", next(self.client.nodes.list())["uuid"])
        self.assertEqual(1, len(self.sent()))

    def test_all_that_can_be_asked(self) -> None:
        self.http.get("/v1/nodes", json=[])
        self.uuids(
            fields=["uuid", "name"],
            sort_key="name",
            sort_dir="desc",
            marker=UUID,
        )
        self.assertEqual(
            f"/v1/nodes?fields=uuid%2Cname&sort_key=name&sort_dir=desc&"
            f"marker={UUID}",
            self.sent()[0][1],
        )


class TestNames(case.ClientCase):
    def test_a_uuid_is_not_looked_up(self) -> None:
        self.assertEqual(UUID, self.client.nodes.uuid_of(UUID.upper()))
        self.assertEqual([], self.sent())

    def test_a_name_is(self) -> None:
        self.http.get("/v1/nodes/web-1?fields=uuid", json={"uuid": UUID})
        self.assertEqual(UUID, self.client.nodes.uuid_of("web-1"))


class TestOperations(case.ClientCase):
    def operation(self, state: str, progress: int = 0) -> dict[str, object]:
        return {
            "json": {
                "uuid": UUID,
                "state": state,
                "progress": progress,
                "last_error": None,
            }
        }

    def setUp(self) -> None:
        super().setUp()
        self.path = f"/v1/operations/{UUID}"

    def test_each_change_is_seen_once(self) -> None:
        self.http.get(
            self.path,
            [
                self.operation("pending"),
                self.operation("pending"),
                self.operation("running", 50),
                self.operation("succeeded", 100),
            ],
        )
        seen = [o["state"] for o in self.client.operations.follow(UUID)]
        self.assertEqual(["pending", "running", "succeeded"], seen)
        # Soon at first, and ever more rarely.
        self.assertEqual(sorted(self.slept), self.slept)

    def test_what_failed(self) -> None:
        for state in ("failed", "cancelled"):
            self.http.get(self.path, **self.operation(state))
            e = self.assertRaises(
                exceptions.OperationFailed, self.client.operations.wait, UUID
            )
            self.assertEqual(f"The operation was {state}.", str(e))
            self.assertEqual(UUID, e.operation["uuid"])

    def test_what_does_not_end_in_time(self) -> None:
        self.http.get(self.path, **self.operation("running"))
        e = self.assertRaises(
            exceptions.StillRunning, self.client.operations.wait, UUID, 0
        )
        self.assertIn(UUID, str(e))

    def test_a_service_that_is_restarted_meanwhile(self) -> None:
        away = {"status_code": 503}
        self.http.get(
            self.path,
            [self.operation("running"), *[away] * 6]
            + [self.operation("succeeded")],
        )
        self.client.operations.wait(UUID)

    def test_which_one_a_request_has_begun(self) -> None:
        self.http.post(
            "/v1/nodes",
            status_code=202,
            json={"uuid": "n"},
            headers={"Location": f"{PROXIED}/v1/operations/{UUID}"},
        )
        self.assertEqual(UUID, self.client.nodes.create().operation)
        self.http.post(
            "/v1/flavors",
            status_code=201,
            json={"uuid": "f"},
            headers={"Location": f"{PROXIED}/v1/flavors/f"},
        )
        self.assertIsNone(self.client.flavors.create().operation)
        self.http.delete("/v1/flavors/f", status_code=204)
        self.assertEqual({}, self.client.flavors.delete("f"))


class TestInventories(case.ClientCase):
    PATH = "/v1/resource_providers/a/inventories"

    def read(
        self, generation: int, **inventories: object
    ) -> dict[str, object]:
        return {
            "json": {
                "resource_provider_generation": generation,
                "inventories": inventories,
            }
        }

    def test_somebody_wrote_between(self) -> None:
        self.http.get(
            self.PATH,
            [
                self.read(1, PGPU={"total": 1}),
                self.read(2, PGPU={"total": 2}, FPGA={"total": 1}),
            ],
        )
        self.http.put(
            self.PATH,
            [
                {"status_code": 409, "json": case.error("resource.changed")},
                self.read(3),
            ],
        )
        self.client.resource_providers.set_inventories(
            "a", {"PGPU": {"reserved": 1}}, amend=True
        )
        self.assertEqual(
            {
                "resource_provider_generation": 2,
                "inventories": {
                    "PGPU": {"total": 2, "reserved": 1},
                    "FPGA": {"total": 1},
                },
            },
            self.http.last_request.json(),
        )

    def test_somebody_always_does(self) -> None:
        self.http.get(self.PATH, **self.read(1))
        changed = case.error("resource.changed")
        self.http.put(self.PATH, status_code=409, json=changed)
        e = self.assertRaises(
            exceptions.ApiError,
            self.client.resource_providers.set_inventories,
            "a",
            {},
        )
        self.assertEqual("resource.changed", e.code)

    def test_another_refusal(self) -> None:
        self.http.get(self.PATH, **self.read(1))
        self.http.put(self.PATH, status_code=409, json=case.error())
        self.assertRaises(
            exceptions.ApiError,
            self.client.resource_providers.set_inventories,
            "a",
            {},
        )
        self.assertEqual(2, len(self.sent()))
