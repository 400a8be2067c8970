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

"""composition resource class"""

import argparse

from valenceclient.osc import base

NOUN = "resource class"
COLLECTION = "resource_classes"


class CreateResourceClass(base.ShowOne):
    """Make a custom resource class"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "name",
            metavar="<name>",
            help="Name, such as CUSTOM_LICENSE",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        created = self.client.resource_classes.create(name=parsed_args.name)
        return base.row(created)


class ListResourceClass(base.List):
    """List resource classes: kinds of what there is to give"""

    collection = COLLECTION
    columns = ("uuid", "name")
    filters = ("name",)


class ShowResourceClass(base.Show):
    """Show a resource class"""

    collection = COLLECTION
    noun = NOUN


class DeleteResourceClass(base.Delete):
    """Delete custom resource classes; refused while somebody has some"""

    collection = COLLECTION
    noun = NOUN
