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

"""Run the tests with stestr, and account for every one of them.

A test counts by its last word in the subunit stream. One that was found and
never had a word, because its worker died, has failed. Those that failed are
named at the end, each with its reason. The numbers passed, failed and skipped
go to the file that ``VALENCE_RESULTS_FILE`` names.
"""

import io
import os
import pathlib
import re
import subprocess
import sys
import typing

import subunit
import testtools

PASSED = ("success", "xfail")
# What unittest reports in place of the tests that it kept from running.
PLACEHOLDER = re.compile(r"^setUp(?:Class|Module) \((?P<prefix>.+)\)$")
#: Lines of a traceback that say why a test failed.
REASON = 12


def find(arguments: list[str]) -> set[str]:
    """The tests that are to run; ends here if one cannot be loaded."""
    if not pathlib.Path(".stestr").exists():
        subprocess.run(("stestr", "init"), check=True)
    done = subprocess.run(
        ("stestr", "list", *arguments),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout)
        sys.exit(done.returncode)
    return set(done.stdout.split("\n")) - {""}


def last_words() -> tuple[dict[str, str], dict[str, str]]:
    """What became of each test of the last run, and why it failed."""
    done = subprocess.run(
        ("stestr", "last", "--subunit"), stdout=subprocess.PIPE, check=False
    )
    words: dict[str, str] = {}
    reasons: dict[str, str] = {}

    def note(test: typing.Any) -> None:
        name = str(test["id"])
        words[name] = str(test["status"])
        reasons[name] = "".join(
            detail.as_text()
            for title, detail in test["details"].items()
            if title.startswith(("traceback", "reason"))
        )

    result = testtools.StreamToDict(note)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(
        io.BytesIO(done.stdout), non_subunit_name="stdout"
    ).run(result)
    result.stopTestRun()
    words.pop("stdout", None)
    return words, reasons


def count(expected: set[str], words: dict[str, str]) -> tuple[int, int, int]:
    skipped_rooms = tuple(
        match["prefix"] + "."
        for test, word in words.items()
        if word == "skip" and (match := PLACEHOLDER.match(test))
    )
    # Scenarios multiply a test only when it runs, as "test(scenario)".
    seen = {test.partition("(")[0] for test in words} | words.keys()
    for test in sorted(expected - seen):
        if skipped_rooms and test.startswith(skipped_rooms):
            words[test] = "skip"
        else:
            words[test] = "never ended"
    tests = {t: w for t, w in words.items() if not PLACEHOLDER.match(t)}
    broken = [t for t in words if t not in tests and words[t] != "skip"]
    passed = sum(word in PASSED for word in tests.values())
    skipped = sum(word == "skip" for word in tests.values())
    return passed, len(tests) - passed - skipped + len(broken), skipped


def name_failed(words: dict[str, str], reasons: dict[str, str]) -> None:
    """Say at the end, where it is read first, what failed, and why."""
    for test, word in sorted(words.items()):
        if word not in (*PASSED, "skip"):
            print(f"\n== {word}: {test}")
            print("\n".join(reasons.get(test, "").splitlines()[-REASON:]))


def main(arguments: list[str]) -> int:
    expected = find(arguments)
    if not expected:
        print("No test matches.")
        return 1
    # Beside its tests a worker waits for the servers that it talks to.
    workers = (os.cpu_count() or 1) + 1
    done = subprocess.run(
        ("stestr", "run", f"--concurrency={workers}", *arguments), check=False
    )
    words, reasons = last_words()
    passed, failed, skipped = count(expected, words)
    name_failed(words, reasons)
    results = os.environ.get("VALENCE_RESULTS_FILE")
    if results:
        pathlib.Path(results).write_text(f"{passed} {failed} {skipped}\n")
    return done.returncode or (1 if failed else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
