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

"""What searches logs, answers and databases for secrets finds them."""

from valence.tests import base  # isort: skip - chooses the threads
import base64
import json
import urllib.parse

import webob

from valence.tests.fixtures import environment
from valence.tests.fixtures import leaks
from valence.tests.fixtures import processes


class Careless(processes.Daemon):
    """It writes down what it should not."""

    word = ""

    def launch(self) -> None:
        self.spawn("/bin/sh", "-c", f"echo {self.word}; sleep 60")

    def answers(self) -> bool:
        return self.word in self.log()


class TestLeaks(base.TestCase):
    def found(self, text: str) -> None:
        error = self.assertRaises(AssertionError, leaks.search, text, "here")
        self.assertIn("A secret stands in here", str(error))

    def test_however_it_is_written_down(self) -> None:
        word = leaks.secret()
        for form in (str, repr, json.dumps, urllib.parse.quote):
            self.found(f"so it is {form(word)}!")
        for user in ("", "a", "ab", "abc", "admin"):
            pair = f"{user}:{word}".encode()
            self.found(f"Basic {base64.b64encode(pair).decode()}")
            self.found(f"Basic {base64.urlsafe_b64encode(pair).decode()}")
        leaks.search("nothing", "here")

    def test_what_others_have_made(self) -> None:
        leaks.search("a-token-of-test-leaks", "here")
        leaks.note("a-token-of-test-leaks")
        self.found("X-Auth-Token: a-token-of-test-leaks")

    def test_in_an_answer(self) -> None:
        client = environment.Client(webob.Response(leaks.secret()))
        self.assertRaises(AssertionError, client.get, "/")
        answer = webob.Response("", headers={"Location": leaks.secret()})
        client = environment.Client(answer)
        self.assertRaises(AssertionError, client.get, "/")

    def test_in_the_log_of_a_daemon(self) -> None:
        for word, wrong in (("nothing", False), (leaks.secret(), True)):
            daemon = Careless("careless", {})
            daemon.word = word
            daemon.setUp()
            if wrong:
                error = self.assertRaises(AssertionError, daemon.cleanUp)
                self.assertIn("A secret stands in output.log", str(error))
            else:
                daemon.cleanUp()
