# SPDX-License-Identifier: MIT
"""The interpreters that tests run on: where they are, and what kind each is.

They are looked for in $BREADCRUMB_TEST_PYTHONS (colon-separated files, or folders of them),
~/.pyenv/versions/*/bin/python3, /usr/bin/python3.1[0-9], and the folder
$BREADCRUMB_PYTHONS_DIR (default ~/.cache/breadcrumb-pythons/bin).
"""

import glob
import json
import os
import re
import subprocess

OLDEST, NEWEST = (3, 10), (3, 15)

# Which backend claims which versions: name, first, last.
BACKENDS = (
    ("frame", (3, 10), (3, 11)),
    ("monitoring", (3, 12), (3, 15)),
    ("settrace", (3, 10), (3, 15)),
)

# Asked of every interpreter.  Debian's say Py_ENABLE_SHARED=1 though their executable has
# libpython inside: what is mapped tells the truth.
QUESTION = """
import json, sys, sysconfig
v = sysconfig.get_config_var
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "shared": bool(v("Py_ENABLE_SHARED")) and "/libpython" in open("/proc/self/maps").read(),
    "free_threaded": bool(v("Py_GIL_DISABLED")),
    "debug": bool(v("Py_DEBUG")),
}))
"""


class Interpreter:
    """One interpreter that tests run on."""

    def __init__(self, path, facts):
        self.path = path
        self.version = tuple(facts["version"])
        self.shared = facts["shared"]
        self.free_threaded = facts["free_threaded"]
        self.debug = facts["debug"]
        self.backends = [
            name for name, first, last in BACKENDS if first <= self.version[:2] <= last
        ]

    @property
    def version_text(self):
        return ".".join(map(str, self.version))

    @property
    def build(self):
        return ("free-threaded" if self.free_threaded else "gil") + (
            " debug" if self.debug else ""
        )

    @property
    def linkage(self):
        return "shared" if self.shared else "static"


def candidate_paths():
    """Every path where an interpreter may be, in the order of the docstring."""
    for entry in filter(None, os.environ.get("BREADCRUMB_TEST_PYTHONS", "").split(":")):
        yield from interpreters_at(os.path.expanduser(entry), told=True)
    yield from sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3")))
    yield from sorted(glob.glob("/usr/bin/python3.1[0-9]"))
    folder = os.environ.get("BREADCRUMB_PYTHONS_DIR") or "~/.cache/breadcrumb-pythons/bin"
    yield from interpreters_at(os.path.expanduser(folder), told=False)


def interpreters_at(entry, told):
    if os.path.isdir(entry):
        for name in sorted(os.listdir(entry)):
            if re.fullmatch(r"python3\.\d+[a-z]*(-[a-z0-9.]+)?", name):
                yield os.path.join(entry, name)
    elif os.path.exists(entry):
        yield entry
    elif told:
        print(f"left out: {entry}: no such file")


def identity(path):
    """What tells two paths to one interpreter apart from two interpreters.

    The launchers of get-pythons.sh are all links to one file, which looks at the name it is
    called by: those are followed no further.
    """
    path = os.path.abspath(path)
    if os.path.islink(path) and os.path.basename(os.readlink(path)) == ".inroot":
        return path
    return os.path.realpath(path)


def ask(path):
    """(facts, None) of the interpreter at path, or (None, why not)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env.pop("LD_PRELOAD", None)
    try:
        done = subprocess.run(
            [path, "-c", QUESTION], capture_output=True, text=True, timeout=20, env=env
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"does not run: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return None, f"does not run: status {done.returncode}: {last}"
    return json.loads(done.stdout), None


def find_interpreters():
    found, seen = [], set()
    for path in candidate_paths():
        if not os.access(path, os.X_OK) or identity(path) in seen:
            continue
        seen.add(identity(path))
        interpreter = usable(path)
        if interpreter:
            found.append(interpreter)
    found.sort(key=lambda i: (i.version, i.free_threaded, i.path))
    return found


def usable(path):
    facts, why = ask(path)
    if facts and facts["implementation"] != "cpython":
        why = f"{facts['implementation']} is not CPython"
    elif facts and not OLDEST <= tuple(facts["version"][:2]) <= NEWEST:
        side = "below 3.10" if tuple(facts["version"]) < OLDEST else "above 3.15"
        why = f"{'.'.join(map(str, facts['version']))} is {side}"
    if why:
        print(f"left out: {path}: {why}")
        return None
    return Interpreter(path, facts)


def choose_interpreters(wanted):
    """All found, or those that --python names: a path, or a version such as 3.12."""
    if not wanted:
        return find_interpreters()
    chosen, found = [], None
    for name in wanted:
        if os.sep in name:
            path = os.path.abspath(os.path.expanduser(name))
            chosen += filter(None, [usable(path)])
            continue
        found = find_interpreters() if found is None else found
        chosen += [
            i
            for i in found
            if i.version_text == name
            or i.version_text.startswith(name + ".")
            or os.path.basename(i.path) == name
        ]
    return chosen
