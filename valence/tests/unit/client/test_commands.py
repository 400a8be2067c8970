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

"""What the commands are called and take, beside others and the API."""

import argparse
import functools
import importlib.metadata
import subprocess
import sys
import typing

import fixtures
from openstackclient import shell

from valence import objects
from valence.api.v1 import node
from valence.objects import fields as f
from valence.tests import base
from valence.tests.fixtures import commands
from valenceclient import http
from valenceclient import shell as program
from valenceclient.osc import plugin
from valenceclient.osc.v1 import power

#: Noun of the API → how its commands begin.
NOUNS = {
    objects.Device: "pooled device",
    objects.Flavor: "composition flavor",
    objects.Node: "composed node",
    objects.Operation: "composition operation",
    objects.PodManager: "pod manager",
    objects.Rack: "composition rack",
    objects.ResourceClass: "composition resource class",
    objects.ResourceProvider: "composition resource provider",
    objects.System: "composition system",
}


PLUGINS = ("openstack.cli.base", "openstack.cli.extension")


@functools.cache
def openstack() -> shell.OpenStackShell:
    found = shell.OpenStackShell()
    found.options = argparse.Namespace(verbose_level=1)
    return found


@functools.cache
def parser_of(name: str) -> argparse.ArgumentParser:
    command = commands.names()[name].load()
    return command(openstack(), None).get_parser(name)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {
        option
        for action in parser._actions
        for option in action.option_strings
    } - {"-h", "--help"}


class TestNames(base.TestCase):
    """Beside all other plug-ins that the tests are installed with."""

    def test_no_other_plugin_has_such_a_command(self) -> None:
        others = {
            entry.name.replace("_", " "): entry.value
            for group in importlib.metadata.entry_points().groups
            if group.startswith("openstack.")
            and group not in (commands.GROUP, *PLUGINS)
            for entry in importlib.metadata.entry_points(group=group)
        }
        self.assertIn("baremetal node list", others)
        self.assertIn("resource provider list", others)
        self.assertIn("loadbalancer list", others)
        self.assertGreater(len(others), 1200)
        clashes = {
            ours: others[theirs]
            for ours in commands.names()
            for theirs in others
            # Nor one that ours would hide, or that would hide ours.
            if f"{ours} ".startswith(f"{theirs} ")
            or f"{theirs} ".startswith(f"{ours} ")
        }
        self.assertEqual({}, clashes)

    def test_no_other_plugin_is_called_so(self) -> None:
        found = [
            entry.value
            for group in PLUGINS
            for entry in importlib.metadata.entry_points(group=group)
            if entry.name == plugin.API_NAME
        ]
        self.assertEqual(["valenceclient.osc.plugin"], found)

    def test_no_option_is_one_of_openstack_itself(self) -> None:
        # It would take it away from the command, wherever it stands.
        known = options(openstack().parser)
        self.assertIn("--os-composition-api-version", known)
        self.assertIn("--os-baremetal-api-version", known)
        for name in commands.names():
            self.assertEqual(set(), options(parser_of(name)) & known, name)

    def test_each_command_says_what_it_does(self) -> None:
        for name in commands.names():
            parser = parser_of(name)
            self.assertTrue(parser.description, name)
            for action in parser._actions:
                self.assertTrue(action.help, (name, action))


class TestWhatTheyTake(base.TestCase):
    """What the API has, the commands have: no field was forgotten."""

    def dests(self, name: str) -> set[str]:
        return {action.dest for action in parser_of(name)._actions}

    def test_each_noun_is_here(self) -> None:
        begun = {name.rpartition(" ")[0] for name in commands.names()}
        self.assertEqual(set(), set(NOUNS.values()) - begun)

    def test_lists_have_each_filter(self) -> None:
        for cls, begins in NOUNS.items():
            wanted = {
                name
                for name, field in cls.fields.items()
                if field.filterable and field.visible
            }
            self.assertEqual(
                set(),
                # Nobody looks for an exact microsecond.
                wanted - {"created_at"} - self.dests(f"{begins} list"),
                begins,
            )

    def test_lists_show_what_there_is(self) -> None:
        for cls, begins in NOUNS.items():
            command = commands.names()[f"{begins} list"].load()
            shown = (*command.columns, *command.long, *command.filters)
            self.assertEqual(set(), set(shown) - set(cls.fields), begins)

    def assert_taken(
        self, verb: str, wanted: typing.Callable[[typing.Any], bool]
    ) -> None:
        """Each noun that has fields of this kind has them as options."""
        nouns = set()
        for cls, begins in NOUNS.items():
            names = {n for n, field in cls.fields.items() if wanted(field)}
            if not names:
                continue
            nouns.add(cls)
            given = self.dests(f"{begins} {verb}")
            given |= {"authentication"} if "username" in given else set()
            self.assertEqual(set(), names - given, begins)
        self.assertLessEqual(
            {
                objects.Flavor,
                objects.Node,
                objects.PodManager,
                objects.ResourceProvider,
            },
            nouns,
        )

    def test_create_has_each_field_that_can_be_given(self) -> None:
        self.assert_taken(
            "create",
            lambda field: field.access in (f.Access.CREATE, f.Access.WRITE),
        )

    def test_set_has_each_field_that_can_be_changed(self) -> None:
        self.assert_taken("set", lambda field: field.access is f.Access.WRITE)

    def test_unset_has_each_field_that_can_be_empty(self) -> None:
        self.assert_taken(
            "unset",
            lambda field: field.access is f.Access.WRITE and field.nullable,
        )

    def test_nodes_boot_from_all_that_the_api_takes(self) -> None:
        self.assertEqual(
            node.Boot.Target.datatype.values,
            # What "unset" sends.
            {*power.BOOT_DEVICES, "None"},
        )
        (mode,) = (
            action
            for action in parser_of("composed node boot device set")._actions
            if action.dest == "mode"
        )
        self.assertEqual(node.Boot.Mode.datatype.values, set(mode.choices))

    def test_nodes_are_switched_in_all_ways_that_the_api_takes(self) -> None:
        sent = set()
        for name in ("power on", "power off", "reboot", "inject nmi"):
            command = commands.names()[f"composed node {name}"].load()
            sent |= {command.reset_type, *(command.other or ())[1:2]}
        # What a button does depends on the node; the others say what they do.
        known = node.Reset.Type.datatype.values
        self.assertEqual(known - {"PushPowerButton"}, sent)

    def test_the_newest_version_is_known(self) -> None:
        from valence.api import versions

        self.assertEqual(versions.MAX, http.LATEST)


class TestVersion(base.TestCase):
    def test_which_may_be_asked_for(self) -> None:
        for version in ("1", "1.0", "1.12"):
            self.assertTrue(plugin.check_api_version(version), version)
        for version in ("", "2", "10", "1.", "1.x", "1.2.3", "1.²", "one"):
            self.assertFalse(plugin.check_api_version(version), version)

    def test_valence_refuses_others(self) -> None:
        # openstack asks the plug-in by itself.
        for words in (
            ["--os-composition-api-version", "2", "pod", "manager", "list"],
            ["--os-composition-api-version", "1.", "pod", "manager", "list"],
        ):
            stderr = self.useFixture(fixtures.StringStream("stderr")).stream
            with fixtures.MonkeyPatch("sys.stderr", stderr):
                e = self.assertRaises(SystemExit, program.main, words)
            self.assertEqual(2, e.code)
            stderr.seek(0)
            self.assertIn("1 or 1.N is wanted, not '", stderr.read())


#: What takes time to import, and is not needed before a command runs.
HEAVY = ("keystoneauth1", "openstack", "requests", "prettytable", "valence")


class TestStart(base.TestCase):
    def loaded(self, code: str) -> set[str]:
        """Top-level modules that a program has imported in the end."""
        done = subprocess.run(
            (sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"),
            capture_output=True,
            text=True,
            check=True,
        )
        return {name.split(".")[0] for name in done.stdout.split()}

    def test_the_plugin_imports_nothing_that_takes_time(self) -> None:
        found = self.loaded("import valenceclient.osc.plugin")
        self.assertEqual(set(), found & {*HEAVY, "cliff"})

    def test_nor_do_the_commands(self) -> None:
        # "openstack --help" imports all of them.
        modules = {entry.module for entry in commands.names().values()}
        found = self.loaded(f"import {', '.join(sorted(modules))}")
        before = self.loaded("import cliff.lister, cliff.show, cliff.columns")
        self.assertEqual(set(), (found - before) & set(HEAVY))
        self.assertIn("valenceclient", found)
