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

"""The keys of secrets: their files, their rotation, and who notices."""

import os
import pathlib
import shutil
import stat
import threading
import unittest.mock

import fixtures

from valence import exception
from valence import keys
from valence.tests import base


class Case(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parent = self.useFixture(fixtures.TempDir()).path
        self.directory = os.path.join(parent, "keys")
        self.conf.set("secrets", key_repository=self.directory)

    def path(self, name: object) -> pathlib.Path:
        return pathlib.Path(self.directory, str(name))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    def refused(self) -> str:
        error = self.assertRaises(
            exception.KeysUnusable, keys.load, self.directory
        )
        return str(error)


class TestDirectory(Case):
    def test_set_up(self) -> None:
        self.assertTrue(keys.set_up(self.directory))
        self.assertEqual(["0", "1"], self.names())
        for path, mode in (
            (self.directory, 0o700),
            (self.path(0), 0o600),
            (self.path(1), 0o600),
        ):
            self.assertEqual(mode, stat.S_IMODE(os.stat(path).st_mode))
        before = self.path(1).read_bytes()
        self.assertNotEqual(before, self.path(0).read_bytes())
        self.assertFalse(keys.set_up(self.directory))
        self.assertEqual(before, self.path(1).read_bytes())

    def test_set_up_once_more_after_it_was_cut_short(self) -> None:
        keys.set_up(self.directory)
        self.path(0).unlink()
        self.assertFalse(keys.set_up(self.directory))
        self.assertEqual(["0", "1"], self.names())

    def test_set_up_by_many_at_once(self) -> None:
        made: list[bool] = []
        threads = [
            threading.Thread(
                target=lambda: made.append(keys.set_up(self.directory))
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([True], [one for one in made if one])
        self.assertEqual(8, len(made))

    def test_rotate(self) -> None:
        keys.set_up(self.directory)
        staged = self.path(0).read_bytes()
        for number in (2, 3):
            now = keys.rotate(self.directory)
            self.assertEqual(number, now.primary.number)
            self.assertEqual(staged, self.path(number).read_bytes())
            staged = self.path(0).read_bytes()
        self.assertEqual(["0", "1", "2", "3"], self.names())
        self.assertEqual([2, 1], [key.number for key in now.old])
        keys.remove(self.directory, [1, 2])
        self.assertEqual(["0", "3"], self.names())
        # A number is not used again while the primary key goes up.
        self.assertEqual(4, keys.rotate(self.directory).primary.number)

    def test_rotate_goes_on_after_it_was_cut_short(self) -> None:
        keys.set_up(self.directory)
        with unittest.mock.patch.object(
            keys, "_write", side_effect=KeyboardInterrupt
        ):
            self.assertRaises(KeyboardInterrupt, keys.rotate, self.directory)
        self.assertEqual(["1", "2"], self.names())
        self.assertEqual(2, keys.load(self.directory).primary.number)
        now = keys.rotate(self.directory)
        self.assertEqual(2, now.primary.number)
        self.assertEqual(["0", "1", "2"], self.names())

    def test_a_key_is_written_as_a_whole_or_not_at_all(self) -> None:
        keys.set_up(self.directory)
        with unittest.mock.patch.object(os, "fsync", side_effect=OSError(28)):
            self.assertRaises(
                exception.KeysUnusable, keys.rotate, self.directory
            )
        # The half that was done stands; nothing is left lying about.
        self.assertEqual(["1", "2"], self.names())
        keys.load(self.directory)

    def test_others_that_may_read_are_refused(self) -> None:
        keys.set_up(self.directory)
        for path, bad, good, command in (
            (self.directory, 0o750, 0o700, "chmod 700"),
            (self.directory, 0o701, 0o700, "chmod 700"),
            (self.path(1), 0o640, 0o600, "chmod 600"),
            (self.path(0), 0o604, 0o600, "chmod 600"),
        ):
            os.chmod(path, bad)
            said = self.refused()
            self.assertIn(f"{bad:o}", said)
            self.assertIn(f"{command} {path}", said)
            os.chmod(path, good)
        keys.load(self.directory)

    def test_set_up_puts_no_key_where_others_could_read_it(self) -> None:
        os.mkdir(self.directory, 0o755)
        self.assertRaises(exception.KeysUnusable, keys.set_up, self.directory)
        self.assertEqual([], self.names())

    def test_what_is_missing_is_named(self) -> None:
        self.assertIn(f"no directory {self.directory}", self.refused())
        os.mkdir(self.directory, 0o700)
        self.assertIn("no primary key", self.refused())
        self.assertIn("valence-secrets setup", self.refused())
        keys.set_up(self.directory)
        self.path(1).unlink()
        self.assertIn("no primary key", self.refused())
        shutil.rmtree(self.directory)
        pathlib.Path(self.directory).touch(0o600)
        self.assertIn("Not a directory", self.refused())

    def test_what_is_no_key_is_named_and_not_quoted(self) -> None:
        keys.set_up(self.directory)
        content = self.path(1).read_text()
        for bad in ("", "s3cret-word", content[:-2], content + "\n" + content):
            self.path(1).write_text(bad)
            said = self.refused()
            self.assertIn(f"{self.path(1)} holds no Fernet key", said)
            self.assertNotIn("s3cret-word", said)
        self.path(1).write_text(content + "\n")  # as an editor leaves it
        keys.load(self.directory)

    def test_other_files_are_none_of_ours(self) -> None:
        keys.set_up(self.directory)
        for name in ("README", ".new-abc", "1.bak", "01", "-1", "²"):
            self.path(name).write_text("x")
        self.assertEqual(2, len(keys.load(self.directory).all))

    def test_a_link_that_leads_nowhere(self) -> None:
        keys.set_up(self.directory)
        self.path(7).symlink_to("/nonexistent")
        self.refused()

    def test_keys_do_not_show_themselves(self) -> None:
        keys.set_up(self.directory)
        found = keys.load(self.directory)
        shown = repr(found.all) + repr(found) + repr(vars(found))
        for key in found.all:
            content = self.path(key.number).read_text()
            self.assertNotIn(content[:8], shown)
            self.assertNotIn(key.fingerprint, content)


class TestSecrets(Case):
    def setUp(self) -> None:
        super().setUp()
        keys.set_up(self.directory)

    def test_round_trip(self) -> None:
        for text in ("", "s3cret-word", "é漢🙂\0", "x" * 100000):
            secret = keys.encrypt(text)
            self.assertEqual(text, keys.decrypt(secret))
            self.assertNotIn("s3cret", str(secret))

    def test_one_text_is_never_encrypted_alike(self) -> None:
        self.assertNotEqual(keys.encrypt("a"), keys.encrypt("a"))

    def test_rotation_is_noticed_at_once(self) -> None:
        old = keys.encrypt("a")
        for _ in range(5):
            now = keys.rotate(self.directory)
            new = keys.encrypt("a")
            self.assertEqual(now.primary.fingerprint, new["key"])
            self.assertEqual("a", keys.decrypt(old))
            renewed = keys.renew(old)
            self.assertEqual(now.primary.fingerprint, renewed["key"])
            self.assertEqual("a", keys.decrypt(renewed))
            self.assertIs(renewed, keys.renew(renewed))

    def test_a_staged_key_decrypts_already(self) -> None:
        """So a host that was rotated later is no trouble."""
        elsewhere = self.directory + "2"
        shutil.copytree(self.directory, elsewhere)
        keys.rotate(elsewhere)
        secret = keys.load(elsewhere).encrypt("a")
        self.assertEqual("a", keys.decrypt(secret))

    def test_a_missing_key_is_named(self) -> None:
        secret = keys.encrypt("a")
        keys.rotate(self.directory)
        keys.remove(self.directory, [1])
        with unittest.mock.patch.object(keys, "_COPYING", 0.01):
            for call in (keys.decrypt, keys.renew):
                error = self.assertRaises(keys.Unreadable, call, secret)
                self.assertIn(secret["key"], str(error))
                self.assertIn(self.directory, str(error))

    def test_a_key_that_comes_a_moment_later(self) -> None:
        secret = keys.encrypt("a")
        keys.rotate(self.directory)
        aside = self.directory + "-1"
        os.rename(self.path(1), aside)
        keys.current()
        with unittest.mock.patch.object(keys, "_COPYING", 0.3):
            timer = threading.Timer(0.1, os.rename, (aside, self.path(1)))
            timer.start()
            self.addCleanup(timer.join)
            self.assertEqual("a", keys.decrypt(secret))

    def test_damage_is_told_from_a_missing_key(self) -> None:
        secret = keys.encrypt("a")
        token = secret["fernet"]
        for bad in ("", "é", token[:-3], token[:9] + "x" + token[10:]):
            error = self.assertRaises(
                keys.Unreadable, keys.decrypt, secret | {"fernet": bad}
            )
            self.assertEqual("it is damaged", str(error))

    def test_goes_on_with_the_keys_that_were_read(self) -> None:
        """While they are moved, or somebody has spoiled their mode."""
        log = self.useFixture(fixtures.FakeLogger())
        secret = keys.encrypt("a")
        os.chmod(self.path(1), 0o644)
        for _ in range(3):
            self.assertEqual("a", keys.decrypt(secret))
            self.assertEqual(secret["key"], keys.encrypt("b")["key"])
        self.assertEqual(1, log.output.count("Going on with the keys"))
        self.assertIn("chmod 600", log.output)
        os.rename(self.directory, self.directory + "2")
        self.assertEqual("a", keys.decrypt(secret))
        os.rename(self.directory + "2", self.directory)
        os.chmod(self.path(1), 0o600)
        now = keys.rotate(self.directory)
        self.assertEqual(now.primary.fingerprint, keys.encrypt("b")["key"])

    def test_another_directory_has_other_keys(self) -> None:
        secret = keys.encrypt("a")
        self.conf.set("secrets", key_repository=self.directory + "2")
        self.assertRaises(exception.KeysUnusable, keys.decrypt, secret)

    def test_use_while_they_are_rotated(self) -> None:
        ended = threading.Event()
        failures: list[Exception] = []

        def use() -> None:
            secret = keys.encrypt("a")
            while not ended.is_set():
                try:
                    assert keys.decrypt(secret) == "a"
                    secret = keys.renew(secret)
                    assert keys.decrypt(keys.encrypt("b")) == "b"
                except Exception as e:
                    failures.append(e)
                    return

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            keys.rotate(self.directory)
        ended.set()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
