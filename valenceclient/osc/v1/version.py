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

"""composition version"""

import argparse
import json

from valenceclient.osc import base


class ListVersion(base.Lister):
    """List the versions of the API that the service has"""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        columns = ("id", "status", "min_version", "max_version")
        return base.rows(self.client.versions(), columns)


class ShowVersion(base.ShowOne):
    """Show the version of the API that these commands use"""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        return base.row(self.client.version())


class ShowOpenapi(base.Command):
    """Print the API as an OpenAPI document, in JSON"""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        document = self.client.openapi()
        self.app.stdout.write(f"{json.dumps(document, indent=2)}\n")
