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

"""The REST API as clients see it: each gabbits/*.yaml tells one subject.

A file's requests are made in its order, to one API that has a conductor and
two simulated pods of its own. Nothing is registered at first; ``$ENVIRON``
knows the pods' addresses, ``POD0_URL`` and ``POD1_URL``, and ``LONG_NAME``.
"""

import dataclasses
import os
import pathlib
import sys
import typing
import unittest

import fixtures as fixtures_module
from gabbi import driver
from gabbi import fixture

from valence import rpcapi
from valence.api.app import make_application
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment

GABBITS = pathlib.Path(__file__).parent / "gabbits"

_application: typing.Any = None


class Service(fixture.GabbiFixture):
    """API, conductor and two pods; a password that nothing may show."""

    conductor = True
    pods = (PodSpec(systems=4), PodSpec(systems=2))

    def start_fixture(self) -> None:
        global _application
        base.SharedTestCase.close_open()
        self._stack = fixtures_module.Fixture()
        self._stack.setUp()
        conf = self._stack.useFixture(environment.Configuration())
        # gabbi makes up a name for the host.
        conf.set("api", allow_remote_noauth=True)
        env = self._stack.useFixture(
            environment.Environment(
                *(
                    dataclasses.replace(pod, password="s3cr3t-of-pod")
                    for pod in self.pods
                ),
                conductor=self.conductor,
            )
        )
        for number, pod in enumerate(env.pods):
            os.environ[f"POD{number}_URL"] = pod.url
        os.environ["LONG_NAME"] = "A" * 256
        _application = make_application(rpcapi.Nudger())

    def stop_fixture(self) -> None:
        self._stack.cleanUp()


class ServiceWithDevices(Service):
    """The first pod has two racks, and pools of devices in both."""

    pods = (
        PodSpec(dialect="2.5", racks=2, devices=4, fpgas=2),
        PodSpec(dialect="1.2.1", systems=2),
    )


class ServiceWithoutConductor(Service):
    """Work is asked for, and stays pending."""

    conductor = False


def _answer(environ: dict[str, typing.Any], start: typing.Any) -> typing.Any:
    # gabbi asks for the application when it reads the files: too early.
    return _application(environ, start)


def load_tests(
    loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str
) -> unittest.TestSuite:
    return driver.build_tests(
        str(GABBITS),
        loader,
        intercept=lambda: _answer,
        test_loader_name=__name__,
        fixture_module=sys.modules[__name__],
    )
