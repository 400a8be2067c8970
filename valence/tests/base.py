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

"""What all tests have in common."""

import logging
import typing

import fixtures
import testtools

# oslo.messaging chooses its threads when it is imported: first things first.
import valence.cmd  # noqa: F401
from valence.tests.fixtures import environment


def _log() -> fixtures.FakeLogger:
    """What is logged meanwhile is shown beside a test that failed."""
    return fixtures.FakeLogger(level=logging.WARNING)


class TestCase(testtools.TestCase):
    """A test with the configuration at its defaults and nothing listening."""

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(_log())
        self.conf = self.useFixture(environment.Configuration())


class SharedTestCase(testtools.TestCase):
    """Tests of one class that share an environment.

    For those that can be told apart without one of their own: starting and
    stopping it takes longer than they do.
    """

    env: typing.ClassVar[environment.Environment]
    conf: typing.ClassVar[environment.Configuration]
    _open: typing.ClassVar["type[SharedTestCase] | None"] = None

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(_log())

    @classmethod
    def make_environment(cls) -> environment.Environment:
        return environment.Environment()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        SharedTestCase._open = cls
        cls.conf = environment.Configuration()
        cls.conf.setUp()
        cls.env = cls.make_environment()
        cls.env.setUp()

    @classmethod
    def tearDownClass(cls) -> None:
        if SharedTestCase._open is cls:
            SharedTestCase.close_open()
        super().tearDownClass()

    @staticmethod
    def close_open() -> None:
        """End the environment of the class that had its tests last.

        unittest does so when a test of another class is about to run. What
        begins an environment before that, as gabbi's suites do, has to ask.
        """
        cls, SharedTestCase._open = SharedTestCase._open, None
        if cls is not None:
            cls.env.cleanUp()
            cls.conf.cleanUp()
