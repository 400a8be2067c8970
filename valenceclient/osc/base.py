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

"""What the commands have in common.

They are commands of cliff, not of osc-lib: those log the parsed arguments,
among them passwords.
"""

import argparse
import time
import typing

from cliff import command
from cliff import lister
from cliff import show

from valenceclient import exceptions
from valenceclient.osc import explain

if typing.TYPE_CHECKING:
    from valenceclient import client
    from valenceclient import http
    from valenceclient.osc import progress

Row = tuple[typing.Sequence[str], typing.Sequence[typing.Any]]
Rows = tuple[
    typing.Sequence[str], typing.Iterable[typing.Sequence[typing.Any]]
]
Document = typing.Mapping[str, typing.Any]


class Command(command.Command):
    """A command that speaks with the service."""

    #: ``openstack``'s, or our own: each has a client_manager.
    app: typing.Any

    @property
    def client(self) -> "client.Client":
        return typing.cast(
            "client.Client", self.app.client_manager.composition
        )

    @property
    def watch(self) -> "progress.Watch":
        from valenceclient.osc import progress

        return progress.Watch(
            self.client,
            self.app.stderr,
            self.app.NAME,
            quiet=self.app.options.verbose_level == 0,
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        timeout = getattr(parsed_args, "wait_timeout", None)
        self._until = None if timeout is None else time.monotonic() + timeout
        try:
            return super().run(parsed_args)
        except exceptions.OperationFailed as e:
            left = self.watch.remains(e.operation)
            raise explain.Failed(explain.error(e) + left) from e
        except exceptions.ClientError as e:
            raise explain.Failed(explain.error(e)) from e

    def project(self, ident: str) -> str:
        """The id of a project; a name is asked for where Keystone is there.

        Who may not look for projects names them by id.
        """
        connection = getattr(self.app.client_manager, "sdk_connection", None)
        if connection is None or self.app.client_manager.auth_ref is None:
            return ident
        found = connection.identity.find_project(ident, ignore_missing=True)
        return ident if found is None else str(found.id)

    def follow(
        self, operation: str | None, parsed_args: argparse.Namespace
    ) -> None:
        """Wait for an operation where that is wanted, or say how to.

        :raises: OperationFailed, StillRunning
        """
        if operation is None:
            return
        if parsed_args.wait:
            self.wait(operation)
        else:
            self.watch.started(operation)

    def wait(self, operation: str) -> None:
        """Wait for one of the operations that --wait-timeout is for.

        :raises: OperationFailed, StillRunning
        """
        left = self._until and max(0.0, self._until - time.monotonic())
        self.watch.until_ended(operation, left)


class ShowOne(Command, show.ShowOne):
    def outcome(
        self,
        document: "http.Document",
        collection: str,
        parsed_args: argparse.Namespace,
    ) -> Row:
        """What a request has made or changed, once that is done."""
        self.follow(document.operation, parsed_args)
        if document.operation is not None and parsed_args.wait:
            listed = getattr(self.client, collection)
            document = listed.get(document["uuid"])
        return row(document)


class Lister(Command, lister.Lister):
    pass


class Named(Command):
    """Is about one thing, which its first argument names.

    :cvar noun: what people call such a thing
    """

    noun: typing.ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_ident(parser, self.noun)
        return parser


def row(document: Document, names: typing.Iterable[str] | None = None) -> Row:
    """One document as :class:`ShowOne` takes it; links are for programs."""
    if names is None:
        names = [name for name in document if name != "links"]
    shown = [name for name in names if name in document]
    return shown, [explain.cell(document[name]) for name in shown]


def rows(
    documents: typing.Iterable[Document], names: typing.Sequence[str]
) -> Rows:
    """Several documents as :class:`Lister` takes them."""
    return names, (
        [explain.cell(document.get(name)) for name in names]
        for document in documents
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        action="store_true",
        help="Wait until it is done, and show how it goes",
    )
    parser.add_argument(
        "--wait-timeout",
        metavar="<seconds>",
        type=positive,
        help="Wait no longer than this; the operation goes on",
    )


def add_description(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--description", metavar="<description>", help="Free text"
    )


def add_project(parser: argparse.ArgumentParser, about: str) -> None:
    parser.add_argument(
        "--project",
        dest="project_id",
        metavar="<project>",
        help=f"{about} (name or id)",
    )


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a positive integer is wanted")
    return number


def names(text: str) -> list[str]:
    """``a,b`` of an option."""
    return [name for name in text.split(",") if name]


def given(
    parsed_args: argparse.Namespace, fields: typing.Iterable[str]
) -> dict[str, typing.Any]:
    """The options of these fields that were used."""
    values = {name: getattr(parsed_args, name) for name in fields}
    return {name: v for name, v in values.items() if v is not None}


class List(Lister):
    """All of one noun.

    :cvar collection: the attribute of the client
    :cvar columns: that are shown
    :cvar long: that --long shows as well
    :cvar filters: fields that a list can be filtered by
    :cvar references: filter → collection that it names one of
    """

    collection: typing.ClassVar[str]
    columns: typing.ClassVar[tuple[str, ...]]
    long: typing.ClassVar[tuple[str, ...]] = ()
    filters: typing.ClassVar[tuple[str, ...]] = ()
    references: typing.ClassVar[dict[str, str]] = {
        "flavor_id": "flavors",
        "node_uuid": "nodes",
        "podm_id": "pod_managers",
        "rack_id": "racks",
    }

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group()
        if self.long:
            which.add_argument(
                "--long", action="store_true", help="Show more of each"
            )
        which.add_argument(
            "--fields",
            metavar="<field>[,<field>...]",
            type=names,
            help="Show these fields of each",
        )
        parser.add_argument(
            "--sort",
            metavar="<field>[:asc|:desc]",
            help="Field that the list is sorted by",
        )
        parser.add_argument(
            "--limit",
            metavar="<number>",
            type=positive,
            help="List no more than so many; all are listed otherwise",
        )
        parser.add_argument(
            "--marker",
            metavar="<uuid>",
            help="Begin behind this one",
        )
        for field in self.filters:
            if field == "project_id":
                add_project(parser, "Only those of this project")
                continue
            if field in self.references:
                noun = self.references[field].removesuffix("s")
                option = noun.replace("_", "-")
                about = f"of this {noun.replace('_', ' ')} (name or uuid)"
            else:
                option = field.replace("_", "-")
                about = f"whose {field} is this"
            parser.add_argument(
                f"--{option}",
                dest=field,
                metavar=f"<{option}>",
                help=f"Only those {about}",
            )
        return parser

    def query(self, parsed_args: argparse.Namespace) -> dict[str, typing.Any]:
        query = given(parsed_args, self.filters)
        for field in self.references.keys() & query.keys():
            collection = getattr(self.client, self.references[field])
            query[field] = collection.uuid_of(query[field])
        if "project_id" in query:
            query["project_id"] = self.project(query["project_id"])
        if parsed_args.sort:
            query["sort_key"], _, direction = parsed_args.sort.partition(":")
            query["sort_dir"] = direction or None
        query["limit"] = parsed_args.limit
        query["marker"] = parsed_args.marker
        return query

    def take_action(self, parsed_args: argparse.Namespace) -> Rows:
        chosen = self.columns
        if self.long and parsed_args.long:
            chosen += self.long
        query = self.query(parsed_args)
        listed = getattr(self.client, self.collection).list
        if parsed_args.fields:
            found = listed(fields=parsed_args.fields, **query)
            return rows(found, parsed_args.fields)
        try:
            return rows(list(listed(fields=chosen, **query)), chosen)
        except exceptions.ApiError as e:
            if e.code != "policy.forbidden_field":
                raise
        # Not everybody is shown everything: show what there is.
        found = list(listed(**query))
        shown = [n for n in chosen if any(n in one for one in found)]
        return rows(found, shown or chosen)


class Show(Named, ShowOne):
    """One of a noun."""

    collection: typing.ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--fields",
            metavar="<field>[,<field>...]",
            type=names,
            help="Show these fields",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Row:
        collection = getattr(self.client, self.collection)
        found = collection.get(parsed_args.ident, parsed_args.fields)
        return row(found, parsed_args.fields)


#: Nouns that have a uuid and no name of their own.
_NAMELESS = ("device", "operation")


def add_ident(
    parser: argparse.ArgumentParser, noun: str, nargs: str | None = None
) -> None:
    by = "uuid" if noun in _NAMELESS else "name or uuid"
    parser.add_argument(
        "ident",
        metavar=f"<{noun.replace(' ', '-')}>",
        nargs=nargs,
        help=f"{noun.capitalize()} ({by})",
    )


class Each(Command):
    """Does something to each of several, and goes on where one fails.

    :cvar waits: whether it begins operations that can be waited for
    """

    noun: typing.ClassVar[str]
    waits: typing.ClassVar[bool] = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_ident(parser, self.noun, "+")
        if self.waits:
            add_wait(parser)
        return parser

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        """Ask for it."""
        raise NotImplementedError

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        failed: list[tuple[str, exceptions.ClientError]] = []
        begun: list[tuple[str, str]] = []
        for ident in dict.fromkeys(parsed_args.ident):
            try:
                operation = self.act(ident, parsed_args).operation
            except exceptions.ClientError as e:
                failed.append((ident, e))
            else:
                if self.waits and operation is not None:
                    begun.append((ident, operation))
        while begun:
            ident, operation = begun.pop(0)
            try:
                self.follow(operation, parsed_args)
            except exceptions.ClientError as e:
                failed.append((ident, e))
            except KeyboardInterrupt:
                for _, other in begun:
                    self.watch.started(other)
                raise
        if len(parsed_args.ident) == 1 and failed:
            raise failed[0][1]
        if failed:
            told = [f"{ident}: {explain.error(e)}" for ident, e in failed]
            told.append(f"{len(failed)} of {len(parsed_args.ident)} failed.")
            raise explain.Failed("\n".join(told))


class Delete(Each):
    collection: typing.ClassVar[str]
    waits = False

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        collection = getattr(self.client, self.collection)
        return typing.cast("http.Document", collection.delete(ident))


class Set(Named, ShowOne):
    """Changes fields of one, and shows it.

    :cvar fields: that options of these names change
    :cvar waits: whether a change may begin an operation
    """

    collection: typing.ClassVar[str]
    fields: typing.ClassVar[tuple[str, ...]]
    waits: typing.ClassVar[bool] = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        if self.waits:
            add_wait(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace) -> dict[str, object]:
        return given(parsed_args, self.fields)

    def take_action(self, parsed_args: argparse.Namespace) -> Row:
        changes = self.changes(parsed_args)
        if not changes:
            raise explain.Failed("Nothing to change: no option was given.")
        collection = getattr(self.client, self.collection)
        changed = collection.update(parsed_args.ident, changes)
        if not self.waits:
            return row(changed)
        return self.outcome(changed, self.collection, parsed_args)


class Unset(Named, ShowOne):
    """Empties fields of one, and shows it.

    :cvar fields: that can be emptied, each by an option of its name
    """

    collection: typing.ClassVar[str]
    fields: typing.ClassVar[tuple[str, ...]]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        for field in self.fields:
            parser.add_argument(
                f"--{field.replace('_', '-')}",
                dest=field,
                action="store_true",
                help=f"Empty {field}",
            )
        return parser

    def changes(
        self, parsed_args: argparse.Namespace
    ) -> tuple[dict[str, object], list[str]]:
        """What is set to another value, and what is removed."""
        return {}, [name for name in self.fields if getattr(parsed_args, name)]

    def take_action(self, parsed_args: argparse.Namespace) -> Row:
        values, removed = self.changes(parsed_args)
        if not (values or removed):
            raise explain.Failed("Nothing to change: no option was given.")
        collection = getattr(self.client, self.collection)
        return row(collection.update(parsed_args.ident, values, removed))
