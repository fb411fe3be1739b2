# SPDX-License-Identifier: MIT
"""Which tests there are, and what each is run with."""

import fnmatch
import importlib
import pathlib
import shlex

HERE = pathlib.Path(__file__).resolve().parent
TEST_TIMEOUT = 60


class Job:
    """One test on one interpreter with one backend and one parameter."""

    def __init__(self, name, function, interpreter, backend, keywords, is_once):
        self.name = name
        self.function = function
        self.interpreter = interpreter
        self.backend = backend
        self.keywords = keywords
        self.once = is_once
        self.timeout = getattr(function, "e2e_timeout", TEST_TIMEOUT)

    def title(self):
        where = f"{self.interpreter.path} ({self.interpreter.version_text})"
        return f"{self.name}  {where}" + (f"  {self.backend}" if self.backend else "")

    def repeat(self, setup):
        parts = [f"{HERE}/run", "--python", self.interpreter.path, "--only", self.name]
        if self.backend:
            parts += ["--backend", self.backend]
        named = (("BREADCRUMB", setup.breadcrumb), ("BREADCRUMB_AGENT", setup.agent))
        return shlex.join([*(f"{k}={v}" for k, v in named if v), *parts])


def load_tests():
    """(name, function) of every test, in the order of files and lines."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, value in list(vars(module).items()):
            if name.startswith("test_") and callable(value) and value.__module__ == path.stem:
                yield f"{path.stem}.{name}", value


def variants(name, function, only_short):
    """(name, keywords) for each parameter of a test."""
    marked = getattr(function, "e2e_short", False)
    parameters = getattr(function, "e2e_parameters", None)
    if parameters is None:
        if marked or not only_short:
            yield name, {}
        return
    key, values, short_values = parameters
    for value in values:
        if only_short and not marked and value not in short_values:
            continue
        yield f"{name}:{value}", {key: value}


def plan(tests, interpreters, options):
    jobs = []
    wanted = [
        (name, function, keywords)
        for base, function in tests
        for name, keywords in variants(base, function, options.short)
        if selected(name, options.only)
    ]
    for index, interpreter in enumerate(interpreters):
        for name, function, keywords in wanted:
            is_once = getattr(function, "e2e_once", False)
            if is_once and index > 0:
                continue
            for backend in backends_of(function, interpreter, options.backend):
                jobs.append(Job(name, function, interpreter, backend, keywords, is_once))
    return jobs


def selected(name, globs):
    short_name = name.split(".", 1)[1]
    return not globs or any(
        fnmatch.fnmatchcase(name, g) or fnmatch.fnmatchcase(short_name, g) for g in globs
    )


def backends_of(function, interpreter, only):
    names = getattr(function, "e2e_backends", None)
    if names is None:
        return [None]
    return [
        b
        for b in interpreter.backends
        if (not names or b in names) and (not only or b in only)
    ]
