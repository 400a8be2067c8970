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
from valence.api import routes
from valence.api import types
from valence.tests import base


class TestMatch(base.TestCase):
    def match(self, path: str) -> object:
        return routes.match(path.split("/"))

    def test_every_route_is_found(self) -> None:
        for template, methods in routes.ROUTES.items():
            found = self.match(template.replace("{ident}", "x"))
            wanted = {"ident": "x"} if "{" in template else {}
            self.assertEqual((methods, wanted), found)

    def test_slashes(self) -> None:
        flavors = routes.ROUTES["/v1/flavors"]
        for path in ("/v1/flavors", "/v1/flavors/", "//v1//flavors//"):
            self.assertEqual((flavors, {}), self.match(path))

    def test_old_names(self) -> None:
        podms = routes.ROUTES["/v1/pod_managers"]
        podm = routes.ROUTES["/v1/pod_managers/{ident}"]
        self.assertEqual((podms, {}), self.match("/v1/podmanagers"))
        self.assertEqual(
            (podm, {"ident": "rack-7"}), self.match("/v1/podmanager/rack-7")
        )
        # Only where the collection stands.
        self.assertEqual(
            (podm, {"ident": "podmanagers"}),
            self.match("/v1/podmanagers/podmanagers"),
        )

    def test_nothing(self) -> None:
        for path in (
            "/v2",
            "/v1/x",
            "/flavors",
            "/v1/flavors/a/b",
            "/v1/nodes/a/assets/b",
            "/v1/nodes/manage/action",
            "/v1/{ident}",
        ):
            self.assertIsNone(self.match(path), path)

    def test_what_routes_take_is_no_name(self) -> None:
        for template in routes.ROUTES:
            parts = template.split("/")[3:]
            if parts and not parts[0].startswith("{"):
                self.assertIn(parts[0], types.RESERVED_NAMES)
