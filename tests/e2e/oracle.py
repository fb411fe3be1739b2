# SPDX-License-Identifier: MIT
"""What test_oracle.py compares: running the recorder, reading both sides, telling differences.

Both sides become, for each thread, a list of plain tuples

    (kind, file, name, qualname, module, line, exception)

line: the first line for "call", the line for "line" and "exception", else None; qualname is None
on 3.10, whose code objects have none.  Files below the programs' folder and below the working
directory of the run are relative; they and code of no file ("<string>") are what is compared,
because of the rest (the standard library) much depends on timing and on what was imported before.
"""

import datetime
import pathlib
import resource
import typing

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
RECORDER = HERE / "recorder"
CALLS = ("call", "return", "yield", "resume", "unwind")
KINDS = (*CALLS, "exception", "line")


class Event(typing.NamedTuple):
    kind: str
    file: str
    name: str
    qualname: typing.Optional[str]
    module: str
    line: typing.Optional[int]
    exception: typing.Optional[str]

    def __str__(self):
        where = f"{self.file}:{self.line}" if self.line is not None else self.file
        text = f"{self.kind:9} {self.qualname or self.name}  [{self.module}] {where}"
        return text + (f"  {self.exception}" if self.exception else "")


def program_names():
    return sorted(path.stem for path in PROGRAMS.glob("*.py"))


def marks(name):
    """What the comment at a program's top says in lines "# key: value"."""
    found = {}
    for line in (PROGRAMS / f"{name}.py").read_text(encoding="utf-8").splitlines():
        key, colon, value = line[2:].partition(": ")
        if not line.startswith("# ") or not colon or " " in key:
            break
        found[key] = value
    return found


def can_run(name, version):
    needed = marks(name).get("needs", "3.10")
    return tuple(map(int, needed.split("."))) <= version[:2]


def wanted(file, roots):
    """As the recorder decides it: which files' code is compared."""
    if not roots or any(file.startswith(root + "/") for root in roots):
        return True
    return file.startswith("<") and not file.startswith("<frozen ")


def shorten(file, cwd):
    for folder, name in ((PROGRAMS, ""), (cwd, "cwd/")):
        if file.startswith(f"{folder}/"):
            return name + file[len(str(folder)) + 1 :]
    return file


def run_oracle(ctx, name, kind, folder, everything=False):
    """Runs a program under the recorder → (Result, its events).

    The events: a list for each thread, the main thread's first, of [frame, origin, *Event].
    """
    cwd = ctx.tmp / folder
    cwd.mkdir()
    output = ctx.tmp / f"{folder}.events"
    program = PROGRAMS / f"{name}.py"
    env = {
        "PYTHONPATH": RECORDER,
        "ORACLE_KIND": kind,
        "ORACLE_OUTPUT": output,
        "ORACLE_PROGRAM": program,
        "ORACLE_ROOTS": "" if everything else f"{PROGRAMS}:{cwd}",
    }
    more = {"preexec_fn": raise_stack} if marks(name).get("stack") == "deep" else {}
    result = ctx.plain(program, env=env, cwd=cwd, timeout=50, **more)
    text = output.read_text(encoding="utf-8")
    return result, read_oracle(text.splitlines(), cwd, ctx.version >= (3, 11))


def raise_stack():
    """For a recorder that needs more of it than the program: 3.10 crashes when it runs out."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    wanted_size = 1 << 30
    soft = wanted_size if hard == resource.RLIM_INFINITY else min(hard, wanted_size)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def read_oracle(lines, cwd, has_qualname):
    codes, threads = {}, {}
    for text in lines:
        fields = text.split("\t")
        if fields[0] == "code":
            _, number, first, name, qualname, module, file = map(unescaped, fields)
            qualname = qualname if has_qualname else None
            codes[number] = (shorten(file, cwd), name, qualname, module, int(first))
            continue
        thread, kind, number, line, exception, frame, origin = fields
        *code, first = codes[number]
        line = first if kind == "call" else int(line) if line and line != "None" else None
        origin = list(map(int, origin.split(":"))) if origin else None
        event = [int(frame), origin, kind, *code, line, exception or None]
        threads.setdefault(thread, []).append(event)
    return list(threads.values())


def unescaped(text):
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1").decode("utf-8")


def events_of(threads, kinds=KINDS):
    """The oracle's threads as lists of Event, of some kinds only."""
    return [[Event(*e[2:]) for e in thread if e[2] in kinds] for thread in threads]


def left_by_exception(thread):
    """A thread of the oracle as a backend sees it that sees frames only when they are left.

    Of the exceptions of a frame it tells the one that the frame is left by, right before the
    unwind.
    """
    kept, told = [], {}
    for index, (frame, _, *fields) in enumerate(thread):
        event = Event(*fields)
        if event.kind == "call":
            told[frame] = []
        if event.kind == "exception":
            told.setdefault(frame, []).append(event)
            continue
        if event.kind == "unwind":
            after = thread[index + 1] if index + 1 < len(thread) else None
            kept += leaving(frame, event, told.get(frame, []), after)
        if event.kind != "line":
            kept.append(event)
    return kept


def leaving(frame, unwind, told, after):
    """The exception that a frame is left by, in a list.

    Mostly the caller is told of it next, and its traceback says in which line of this frame it
    was raised.  Where C code comes between, it is the last one that was told of this frame.
    The group that except* makes of what it leaves over has no traceback of this frame.
    """
    if after and after[2] == "exception":
        origin, name = after[1], after[-1]
        here = origin and origin[0] == frame
        if here or name in ("ExceptionGroup", "BaseExceptionGroup"):
            line = origin[1] if here else None
            return [unwind._replace(kind="exception", line=line, exception=name)]
    return told[-1:]


def threads_of(events):
    """The agent's events, by thread, the main thread's first."""
    threads = {}
    for event in events:
        threads.setdefault(event["native_id"], []).append(event)
    main = events[0]["pid"] if events else None
    return [threads[key] for key in sorted(threads, key=lambda key: key != main)]


def agent_events(events, cwd, program, has_qualname, everything=False):
    """The agent's events as lists of Event, a list for each thread that has any.

    As the recorder does, they begin with the program's first frame: the interpreter runs some
    code of its own between the moment when it says that it will run a file and that frame.
    """
    roots = () if everything else (str(PROGRAMS), str(cwd))
    path = str(PROGRAMS / f"{program}.py")
    starts = (i for i, e in enumerate(events) if e["filename"] == path)
    events = events[next(starts, 0) :]
    threads = []
    for thread in threads_of(events):
        kept = [
            agent_event(e, cwd, has_qualname)
            for e in thread
            if e["event_type"] in KINDS and wanted(e["filename"], roots)
        ]
        if kept:
            threads.append(kept)
    return threads


def agent_event(event, cwd, has_qualname):
    kind = event["event_type"]
    return Event(
        kind,
        shorten(event["filename"], cwd),
        event["function_name"],
        event["qualname"] if has_qualname else None,
        event["module"] or "",
        event["line_number"] if kind in ("call", "line", "exception") else None,
        event["exception"]["type"] if kind == "exception" else None,
    )


def difference(expected, got):
    """Text that says where two lists of threads first differ, None when they are equal.

    The first thread of each is the main thread.  The others come in no order: those that are
    equal are paired, and of what is left over the first differing pair is told.
    """
    if not expected and not got:
        return None
    text = thread_difference("main thread", expected[0] if expected else [], got[0] if got else [])
    if text:
        return text
    left = sorted(expected[1:], key=sort_key)
    others = []
    for thread in sorted(got[1:], key=sort_key):
        if thread in left:
            left.remove(thread)
        else:
            others.append(thread)
    if not left and not others:
        return None
    if not others:
        return thread_difference(f"a thread is missing ({len(left)} in all)", left[0], [])
    if not left:
        return thread_difference(f"a thread too many ({len(others)} in all)", [], others[0])
    pair = max(((a, b) for a in left for b in others), key=lambda p: common(*p))
    return thread_difference("another thread", *pair)


def gap_difference(expected, got):
    """As difference(), but of each thread one stretch may be missing."""
    if len(expected) != len(got):
        return difference(expected, got)
    for index, (a, b) in enumerate(zip(expected, got)):
        after = common(a[::-1], b[::-1])
        if common(a, b) + after < len(b) or len(b) > len(a):
            return thread_difference(f"thread {index}, a stretch left out", a, b)
    return None


def sort_key(thread):
    return [tuple(map(str, event)) for event in thread]


def common(a, b):
    """How many events two lists have in common at their start."""
    for index, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return index
    return min(len(a), len(b))


def thread_difference(title, expected, got, context=6):
    if expected == got:
        return None
    at = common(expected, got)
    lines = [f"{title}: first difference at event {at} of {len(expected)} expected, {len(got)} got"]
    lines += [f"      {event}" for event in expected[max(0, at - context) : at]]
    for title, events in (("expected", expected), ("got", got)):
        lines.append(f"    {title}:")
        lines += [f"    > {event}" for event in events[at : at + context]] or ["    > nothing more"]
    return "\n".join(lines)


def nanoseconds(timestamp):
    """Of the command's ISO 8601 text; the datetime module knows microseconds only."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def stretches(events):
    """(name, starts as a call, time in all, time of its own, is inside of itself) of each
    stretch of a frame between being called or resumed and being left, in all threads."""
    first_lines = {}
    for thread in threads_of(events):
        stack = []
        for event in thread:
            kind, now = event["event_type"], nanoseconds(event["timestamp"])
            if kind not in CALLS:
                continue
            key = (event["filename"], event["qualname"])
            if kind == "call":
                first_lines[key] = event["line_number"]
            name = (*key, first_lines[key])
            if kind in ("call", "resume"):
                stack.append([name, kind == "call", now, 0])
                continue
            name, called, start, below = stack.pop()
            if stack:
                stack[-1][3] += now - start
            yield name, called, now - start, now - start - below, name in [s[0] for s in stack]


def times(events):
    """What `breadcrumb report --json` has to say, by (file, qualname, first line)."""
    found = {}
    for name, called, whole, own, inside in stretches(events):
        row = found.setdefault(name, dict(calls=0, activations=0, total_ns=0, self_ns=0,
                                          min_ns=whole, max_ns=whole))
        row["calls"] += called
        row["activations"] += 1
        row["total_ns"] += 0 if inside else whole
        row["self_ns"] += own
        row["min_ns"] = min(row["min_ns"], whole)
        row["max_ns"] = max(row["max_ns"], whole)
    return found


def recurses(events, wanted_name):
    return any(inside for name, *_, inside in stretches(events) if name == wanted_name)


def inner_problems(events):
    """What is wrong within the agent's own events: time, depth, durations.  A list of texts."""
    problems = []
    for thread in threads_of(events):
        problems += thread_problems(thread)
    return problems


def thread_problems(thread):
    problems, stack, before = [], [], ""

    def problem(index, text):
        problems.append(f"event {index} ({event['event_type']} {event.get('qualname')}): {text}")

    for index, event in enumerate(thread):
        kind = event["event_type"]
        if event["timestamp"] < before:
            problem(index, f"time goes back: {before} to {event['timestamp']}")
        before = event["timestamp"]
        if kind not in KINDS:
            continue
        depth = len(stack) if kind in ("call", "resume") else max(0, len(stack) - 1)
        if event["depth"] != depth:
            problem(index, f"depth {event['depth']}, not {depth}")
        identity = (event["filename"], event["qualname"], event["module"])
        if kind in ("call", "resume"):
            stack.append(identity)
        elif stack and stack[-1] != identity:
            problem(index, f"inside {stack[-1][1]}")
        if kind in ("return", "yield", "unwind") and stack:
            stack.pop()
        if len(problems) > 5:
            break
    return problems
