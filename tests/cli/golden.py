# SPDX-License-Identifier: MIT
"""Runs of the command that print what expected/NAME.txt holds, byte by byte."""

import difflib
import os

from harness import run, same, test

EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected")

# name: (arguments, exit status); the output is in expected/NAME.txt.
GOLDEN = {
    # the command itself
    "help": (["--help"], 0),
    "help-word": (["help"], 0),
    "help-of-tree": (["help", "tree"], 0),
    "no-command": ([], 2),
    "unknown-command": (["repotr"], 2),
    "unknown-command-far": (["xyzzy"], 2),
    "unknown-option-first": (["--json", "tree"], 2),
    "help-of-unknown": (["help", "trees"], 2),
    "record-help": (["record", "--help"], 0),
    "info-help": (["info", "-h"], 0),
    "dump-help": (["dump", "--help"], 0),
    "tree-help": (["tree", "--help"], 0),
    "report-help": (["report", "--help"], 0),
    # options
    "unknown-option": (["tree", "--functoin", "x", "shop.crumb"], 2),
    "unknown-option-value": (["tree", "--dpeth=3", "shop.crumb"], 2),
    "unknown-letter": (["dump", "-z", "shop.crumb"], 2),
    "ambiguous-option": (["tree", "--f", "x", "shop.crumb"], 2),
    "short-name-of-option": (["tree", "--dep", "1", "shop.crumb"], 0),
    "missing-value": (["tree", "shop.crumb", "--depth"], 2),
    "missing-value-letter": (["tree", "shop.crumb", "-d"], 2),
    "value-too-much": (["dump", "--json=yes", "shop.crumb"], 2),
    "letters-joined": (["dump", "-jfprice", "shop.crumb"], 0),
    "operands-after-dashes": (["info", "--", "--json"], 1),
    "option-after-operand": (["tree", "shop.crumb", "--depth=1"], 0),
    "no-file": (["tree"], 2),
    "bad-color": (["tree", "--color=sometimes", "shop.crumb"], 2),
    "bad-depth": (["tree", "--depth", "two", "shop.crumb"], 2),
    "bad-depth-negative": (["tree", "--depth", "-1", "shop.crumb"], 2),
    "bad-duration": (["tree", "--min-duration", "5 parsec", "shop.crumb"], 2),
    "bad-from": (["tree", "--from", "yesterday", "shop.crumb"], 2),
    "bad-from-february": (["dump", "--from", "2024-02-31", "shop.crumb"], 2),
    "bad-to": (["dump", "--to", "2024-01-02T25:00:00", "shop.crumb"], 2),
    "bad-to-large": (["dump", "--to", "99999999999999999999s", "shop.crumb"], 2),
    "bad-event": (["dump", "--event", "call,fall", "shop.crumb"], 2),
    "bad-by": (["report", "--by", "colour", "shop.crumb"], 2),
    "bad-sort": (["report", "--sort", "total,size", "shop.crumb"], 2),
    "bad-limit": (["report", "--limit", "few", "shop.crumb"], 2),
    "bad-function": (["tree", "--function", ",", "shop.crumb"], 2),
    # info
    "info": (["info", "shop.crumb"], 0),
    "info-family": (["info", "family"], 0),
    "info-killed": (["info", "killed.crumb"], 0),
    "info-lost": (["info", "lost.crumb"], 0),
    "info-names": (["info", "names.crumb"], 0),
    "info-nothing": (["info", "nothing.crumb"], 0),
    "info-json": (["info", "--json", "shop.crumb", "lost.crumb"], 0),
    # dump
    "dump": (["dump", "shop.crumb"], 0),
    "dump-utc": (["dump", "--utc", "--to", "500us", "shop.crumb"], 0),
    "dump-family": (["dump", "family/shop.crumb", "family/child.crumb", "--to=3ms"], 0),
    "dump-json": (["dump", "--json", "shop.crumb"], 0),
    "dump-json-names": (["dump", "--json", "names.crumb"], 0),
    "dump-json-lost": (["dump", "--json", "lost.crumb"], 0),
    "dump-names": (["dump", "names.crumb"], 0),
    "dump-lost": (["dump", "lost.crumb"], 0),
    "dump-event": (["dump", "-e", "exception,unwind", "shop.crumb"], 0),
    "dump-function": (["dump", "--function", "sell", "shop.crumb"], 0),
    "dump-module": (["dump", "--module", "shop.*", "shop.crumb"], 0),
    "dump-thread": (["dump", "--thread", "till", "shop.crumb"], 0),
    "dump-from-to": (["dump", "--from", "+14ms", "--to", "2024-01-02T03:04:05.017Z",
                      "shop.crumb"], 0),
    "dump-nothing": (["dump", "nothing.crumb"], 0),
    # tree
    "tree": (["tree", "shop.crumb"], 0),
    "tree-imports": (["tree", "--imports", "-t1", "shop.crumb"], 0),
    "tree-family": (["tree", "family"], 0),
    "tree-merge": (["tree", "--merge", "shop.crumb"], 0),
    "tree-merge-family": (["tree", "--merge", "--times", "family"], 0),
    "tree-merge-window": (["tree", "--merge", "--from=440us", "--to=620us", "shop.crumb"], 0),
    "tree-times-places": (["tree", "--times", "--places", "shop.crumb"], 0),
    "tree-depth": (["tree", "--depth", "2", "shop.crumb"], 0),
    "tree-depth-zero": (["tree", "--depth", "0", "shop.crumb"], 0),
    "tree-min-duration": (["tree", "--min-duration", "1.5ms", "shop.crumb"], 0),
    "tree-min-duration-short": (["tree", "--min-duration", "10us", "shop.crumb"], 0),
    "tree-thread-name": (["tree", "--thread", "Main*", "shop.crumb"], 0),
    "tree-thread-number": (["tree", "--thread", "3", "shop.crumb"], 0),
    "tree-thread-native": (["tree", "--thread", "4712", "-t3", "shop.crumb"], 0),
    "tree-thread-none": (["tree", "--thread", "tilt", "shop.crumb"], 1),
    "tree-thread-none-of-many": (["tree", "--thread", "tilt", "many.crumb"], 1),
    "tree-function": (["tree", "--function", "Shop.*", "shop.crumb"], 0),
    "tree-function-two": (["tree", "-f", "shop.Shop.weigh,fib", "-f", "wait", "shop.crumb"], 0),
    "tree-function-imports": (["tree", "-f", "_find_and_load", "shop.crumb"], 0),
    "tree-function-depth": (["tree", "--function", "fib", "--depth=2", "shop.crumb"], 0),
    "tree-function-none": (["tree", "--function", "nobody", "shop.crumb"], 0),
    "tree-module": (["tree", "--module", "app", "shop.crumb"], 0),
    "tree-module-below": (["tree", "--module", "shop.*", "shop.crumb"], 0),
    "tree-from-to": (["tree", "--from", "1ms", "--to", "17.5ms", "shop.crumb"], 0),
    "tree-from-idle": (["tree", "--from", "51ms", "shop.crumb"], 0),
    "tree-from-utc": (["tree", "--from", "2024-01-02 03:04:05.013", "shop.crumb"], 0),
    "tree-to-early": (["tree", "--to", "5us", "shop.crumb"], 0),
    "tree-killed": (["tree", "killed.crumb"], 0),
    "tree-lost": (["tree", "lost.crumb"], 0),
    "tree-lost-min-duration": (["tree", "--min-duration=1us", "lost.crumb"], 0),
    "tree-deep": (["tree", "deep.crumb"], 0),
    "tree-names": (["tree", "names.crumb"], 0),
    "tree-lines": (["tree", "lines.crumb"], 0),
    "tree-lines-imports": (["tree", "--imports", "--times", "-t1", "lines.crumb"], 0),
    "tree-lines-merge": (["tree", "--merge", "lines.crumb"], 0),
    "tree-lines-depth": (["tree", "--depth=1", "lines.crumb"], 0),
    "tree-lines-min-duration": (["tree", "--min-duration=8us", "lines.crumb"], 0),
    "tree-color": (["tree", "--color=always", "shop.crumb"], 0),
    "tree-nothing": (["tree", "nothing.crumb"], 0),
    # values
    "values-tree": (["tree", "values.crumb"], 0),
    "values-dump": (["dump", "values.crumb"], 0),
    "values-json": (["dump", "--json", "values.crumb"], 0),
    "values-exceptions": (["tree", "--exceptions", "values.crumb"], 0),
    "tree-exceptions": (["tree", "--exceptions", "shop.crumb"], 0),
    "tree-exceptions-function": (["tree", "--exceptions", "-f", "fib", "shop.crumb"], 0),
    "tree-exceptions-lost": (["tree", "--exceptions", "lost.crumb"], 0),
    "find-help": (["find", "--help"], 0),
    "find-value": (["find", "--value", "fish", "values.crumb"], 0),
    "find-value-regex": (["find", "-v", "/^<shop.*2\\.5>$/", "values.crumb"], 0),
    "find-value-equal": (["find", "-v", "=bob", "values.crumb"], 0),
    "find-value-message": (["find", "-v", "no scale", "values.crumb"], 0),
    "find-arg": (["find", "--arg", "n=3", "values.crumb"], 0),
    "find-arg-and-function": (["find", "-a", "user=ann", "-f", "sell", "values.crumb"], 0),
    "find-arg-escaped": (["find", "-a", "user=C:\\ann\n\a", "values.crumb"], 0),
    "find-both": (["find", "-a", "user=ann", "-r", "=None", "values.crumb"], 0),
    "find-returned": (["find", "--returned", "=42", "values.crumb"], 0),
    "find-yielded": (["find", "--returned", "fish", "values.crumb"], 0),
    "find-raised": (["find", "--raised", "Value*", "values.crumb"], 0),
    "find-context": (["find", "-r", "=42", "-C", "1", "values.crumb"], 0),
    "find-context-large": (["find", "-a", "n=3", "--context=99", "values.crumb"], 0),
    "find-nothing": (["find", "-v", "nowhere", "values.crumb"], 0),
    "find-no-condition": (["find", "values.crumb"], 2),
    "find-bad-regex": (["find", "-v", "/[/", "values.crumb"], 2),
    "find-bad-arg": (["find", "-a", "n", "values.crumb"], 2),
    "find-bad-context": (["find", "-v", "x", "-C", "few", "values.crumb"], 2),
    "find-lost": (["find", "-v", "x", "lost.crumb"], 0),
    # report
    "report": (["report", "shop.crumb"], 0),
    "report-recursion": (["report", "-f", "fib", "shop.crumb"], 0),
    "report-deep": (["report", "--json", "deep.crumb"], 0),
    "report-family": (["report", "family"], 0),
    "report-by-module": (["report", "--by", "module", "shop.crumb"], 0),
    "report-by-thread": (["report", "--by=thread", "family"], 0),
    "report-by-thread-function": (["report", "--by=thread", "-f", "Shop.*", "shop.crumb"], 0),
    "report-sort-self": (["report", "--sort", "self", "shop.crumb"], 0),
    "report-sort-calls-name": (["report", "--sort", "calls,name", "shop.crumb"], 0),
    "report-sort-max": (["report", "--sort", "max,mean,min", "shop.crumb"], 0),
    "report-limit": (["report", "--limit", "2", "shop.crumb"], 0),
    "report-from-to": (["report", "--from", "3ms", "--to", "16ms", "shop.crumb"], 0),
    "report-thread": (["report", "--thread", "till", "shop.crumb"], 0),
    "report-json": (["report", "--json", "shop.crumb"], 0),
    "report-json-by-thread": (["report", "--json", "--by", "thread", "shop.crumb"], 0),
    "report-json-by-module": (["report", "--json", "--by", "module", "shop.crumb"], 0),
    "report-killed": (["report", "killed.crumb"], 0),
    "report-lost": (["report", "lost.crumb"], 0),
    "report-names": (["report", "names.crumb"], 0),
    "report-nothing": (["report", "nothing.crumb"], 0),
    # what cannot be read, or not wholly
    "bad-empty": (["info", "empty.crumb"], 1),
    "bad-foreign": (["tree", "foreign.crumb"], 1),
    "bad-newer": (["dump", "newer.crumb"], 1),
    "bad-header": (["report", "header.crumb"], 1),
    "bad-cut": (["tree", "cut.crumb"], 1),
    "bad-flipped": (["tree", "flipped.crumb"], 1),
    "bad-missing": (["info", "nowhere.crumb"], 1),
    "bad-hollow": (["info", "hollow"], 1),
    "bad-device": (["info", "/dev/zero"], 1),
    "bad-and-good": (["dump", "empty.crumb", "killed.crumb", "nowhere.crumb"], 1),
    "same-twice": (["dump", "killed.crumb", "killed.crumb"], 0),
    # record
    "record-no-command": (["record"], 2),
    "record-only-dashes": (["record", "--quiet", "--"], 2),
    "record-bad-backend": (["record", "--backend", "magic", "true"], 2),
    "record-no-folder": (["record", "-o", "nowhere/x.crumb", "true"], 1),
    "record-not-found": (["record", "./nothing-here"], 127),
    "record-not-executable": (["record", "./shop.crumb"], 126),
    "record-no-python": (["record", "--", "sh", "-c", "exit 7"], 7),
}


def golden(name, update):
    arguments, status = GOLDEN[name]
    done = run(arguments)
    got = "\n".join(["$ breadcrumb " + " ".join(arguments),
                     done.stdout.decode("utf-8", "backslashreplace"),
                     "--- standard error", done.stderr.decode("utf-8", "backslashreplace"),
                     "--- exit status %d" % done.returncode, ""])
    got = got.replace(os.getcwd(), "FOLDER")
    path = os.path.join(EXPECTED, name + ".txt")
    if update:
        with open(path, "w", encoding="utf-8") as out:
            out.write(got)
    with open(path, encoding="utf-8") as wanted:
        diff = list(difflib.unified_diff(wanted.read().splitlines(), got.splitlines(),
                                         "expected", "printed", lineterm=""))
    assert not diff, "\n".join(diff[:40])
    same(done.returncode, status, "exit status")


@test
def every_expected_file_belongs_to_a_test():
    names = {name[:-4] for name in os.listdir(EXPECTED)}
    same(sorted(names), sorted(GOLDEN))
