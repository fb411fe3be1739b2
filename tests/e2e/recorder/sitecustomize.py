# SPDX-License-Identifier: MIT
"""The oracle: writes down what CPython itself says that a program does.

With this folder as PYTHONPATH the interpreter imports this file before it runs the program,
which then runs as it always does: as __main__, from its file, with nothing of ours below it
on the stack.  The recorder takes itself off the module table, the path and the environment.

ORACLE_OUTPUT names the file to write.  ORACLE_KIND says what to ask: "settrace" (sys.settrace
in every thread), "monitoring" (sys.monitoring, 3.12+) or "monitoring-calls" (the same without
lines: asking for lines keeps some code from being specialised, which then raises StopIteration
where it otherwise does not).  ORACLE_PROGRAM is the program: recording begins with the first
frame that runs that file.  ORACLE_ROOTS, colon-separated, are folders: with it only code of
files below them, and of no file ("<string>"), is recorded.  Each event is written at once, with
one write(2), so that os._exit() and the end of the interpreter lose nothing.

Lines of the output, fields separated by tabs:
    code  ID  FIRST_LINE  NAME  QUALNAME  MODULE  FILENAME     before the first use of ID
    NATIVE_THREAD_ID  KIND  ID  LINE  EXCEPTION  FRAME  FROM    an event
FRAME is the frame's address, FROM, in "exception", whence the exception came, as its traceback
says it: address of the frame below, a colon, its line; or nothing.
QUALNAME is empty on 3.10, where code objects have none.  MODULE is the __name__ of the
globals that the code was first run with.  Tabs and newlines in names are escaped as in repr.

Neither sys.settrace nor sys.monitoring reports what runs inside a callback of theirs, so the
recorder's own calls are not seen.
"""

import _thread
import posix
import sys

VERSION = sys.version_info[:2]
HIGH_DESCRIPTOR = 499  # out of the way of a program that counts or closes descriptors


def _make_writer(path):
    """A function that appends text to the file at path."""
    low = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND, 0o600)
    high = posix.dup2(low, HIGH_DESCRIPTOR, inheritable=False)
    posix.close(low)
    write = posix.write

    def put(text):
        write(high, text.encode("utf-8", "backslashreplace"))

    return put


def _make_namer(put):
    """A function that gives a code object's number, and defines it when it is new.

    Code objects compare by value, so the table is by address; it holds a reference, which
    keeps the address from being used again.
    """
    known = {}

    def clean(text):
        return repr(str(text))[1:-1]

    def number(code, frame):
        entry = known.get(id(code))
        if entry is None:
            entry = known[id(code)] = (len(known) + 1, code)
            fields = (
                code.co_name,
                getattr(code, "co_qualname", ""),
                frame.f_globals.get("__name__", ""),
                code.co_filename,
            )
            text = "\t".join(clean(f) for f in fields)
            put(f"code\t{entry[0]}\t{code.co_firstlineno}\t{text}\n")
        return entry[0]

    return number


def _make_filter(roots):
    """A function that tells whether a file's code is recorded."""
    folders = tuple(root + "/" for root in roots.split(":") if root)

    def wanted(filename):
        if filename == __file__:
            return False
        if not folders or filename.startswith(folders):
            return True
        return filename.startswith("<") and not filename.startswith("<frozen ")

    return wanted


def _make_recorder(path, program, wanted):
    """A function that records one event of a frame, from the program's first frame on."""
    put = _make_writer(path)
    number = _make_namer(put)
    thread_id = _thread.get_native_id
    modules = sys.modules
    started = []

    def record(kind, code, frame, line="", exception="", origin=""):
        if not started:
            if code.co_filename != program or kind != "call":
                return
            started.append(True)
            modules.pop("sitecustomize", None)
        if not wanted(code.co_filename):
            return
        fields = (thread_id(), kind, number(code, frame), line, exception, id(frame), origin)
        put("\t".join(map(str, fields)) + "\n")

    return record


# ---- sys.settrace -----------------------------------------------------------------------------


def _opcodes():
    """The numbers of the opcodes that tell how a frame is entered and left.

    From the table that the opcode module is made of: importing that module would have the
    program find it imported.
    """
    before = set(sys.modules)
    from opcode import opmap

    for name in set(sys.modules) - before:
        del sys.modules[name]
    return opmap


def _make_tracer(record):
    """A trace function for sys.settrace that tells all ways into and out of a frame apart.

    "call" is said of a frame that starts and of one that is resumed, "return" of one that
    returns, that is suspended and that is unwound.  The instruction at f_lasti tells which
    (3.10 has no RESUME; there a frame that has not started has no f_lasti).

    When an exception is thrown into a frame that is suspended, f_lasti is still at its yield when
    it is unwound.  Then the last thing that was said of it is "exception", at the same
    instruction, which a yield that is reached never is: it takes a jump backwards to come to it
    again, and that is a new line.
    """
    opmap = _opcodes()
    returning = {opmap[n] for n in ("RETURN_VALUE", "RETURN_CONST") if n in opmap}
    yielding = opmap["YIELD_VALUE"]
    yield_from = opmap.get("YIELD_FROM")  # 3.10: suspended one instruction before it
    resume = opmap.get("RESUME")
    codes = {}

    def bytes_of(code):
        entry = codes.get(id(code))
        if entry is None:
            entry = codes[id(code)] = (code.co_code, code)
        return entry[0]

    def entered(frame):
        at = frame.f_lasti
        if resume is None:
            return "call" if at < 0 else "resume"
        text = bytes_of(frame.f_code)
        return "call" if text[at] == resume and text[at + 1] & 3 == 0 else "resume"

    def left(frame, after_exception):
        at = frame.f_lasti
        if after_exception == at:
            return "unwind"
        text = bytes_of(frame.f_code)
        if text[at] in returning:
            return "return"
        if text[at] == yielding:
            return "yield"
        if text[at] == resume and text[at - 2] == yielding:
            return "yield"  # 3.13: f_lasti is one instruction further
        if yield_from is not None and text[at + 2 : at + 3] == bytes([yield_from]):
            return "yield"
        return "unwind"

    def trace(frame, event, arg):
        code = frame.f_code
        after_exception = None

        def local(frame, event, arg):
            nonlocal after_exception
            if event == "line":
                after_exception = None
                record("line", code, frame, frame.f_lineno)
            elif event == "exception":
                after_exception = frame.f_lasti
                name, below = arg[0].__name__, arg[2] and arg[2].tb_next
                origin = f"{id(below.tb_frame)}:{below.tb_lineno}" if below else ""
                record("exception", code, frame, frame.f_lineno, name, origin)
            elif event == "return":
                record(left(frame, after_exception), code, frame)
                after_exception = None
            return local

        record(entered(frame), code, frame)
        return local

    return trace


def _follow_threads(tracer):
    """Has every thread that Python code starts begin with sys.settrace(tracer)."""
    settrace = sys.settrace

    def wrapped(real):
        def start(function, args=(), kwargs=None, **options):
            def run(*args, **kwargs):
                settrace(tracer)
                return function(*args, **kwargs)

            if options or real.__name__ == "start_joinable_thread":
                return real(run, **options)
            return real(run, args, kwargs or {})

        return start

    wrappers = {}
    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        real = getattr(_thread, name, None)
        if real is not None:
            wrappers["_" + name] = wrapped(real)
            setattr(_thread, name, wrappers["_" + name])
    # A .pth file may have had threading imported, which keeps names of its own.
    if "threading" in sys.modules:
        for name, wrapper in wrappers.items():
            if hasattr(sys.modules["threading"], name):
                setattr(sys.modules["threading"], name, wrapper)


def _start_settrace(record):
    tracer = _make_tracer(record)
    _follow_threads(tracer)
    sys.settrace(tracer)


# ---- sys.monitoring ---------------------------------------------------------------------------


def _start_monitoring(record, lines=True):
    monitoring = sys.monitoring
    events = monitoring.events
    frame_of = sys._getframe
    tool = next(i for i in (4, 3, 5, 2, 1, 0) if monitoring.get_tool(i) is None)

    def plain(kind):
        def callback(code, *_):
            record(kind, code, frame_of(1))

        return callback

    def raised(code, offset, exception):
        frame = frame_of(1)
        record("exception", code, frame, frame.f_lineno, type(exception).__name__)

    def line(code, number):
        record("line", code, frame_of(1), number)

    callbacks = {
        events.PY_START: plain("call"),
        events.PY_RESUME: plain("resume"),
        events.PY_THROW: plain("resume"),
        events.PY_RETURN: plain("return"),
        events.PY_YIELD: plain("yield"),
        events.PY_UNWIND: plain("unwind"),
        events.RAISE: raised,
        events.LINE: line,
    }
    if not lines:
        del callbacks[events.LINE]
    monitoring.use_tool_id(tool, "oracle")
    for event, callback in callbacks.items():
        monitoring.register_callback(tool, event, callback)
    monitoring.set_events(tool, sum(callbacks))


def _start():
    import os

    names = ("ORACLE_KIND", "ORACLE_OUTPUT", "ORACLE_PROGRAM", "ORACLE_ROOTS")
    kind, output, program, roots = (os.environ.pop(name) for name in names)
    folder = os.path.dirname(__file__)
    del os.environ["PYTHONPATH"]
    sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    record = _make_recorder(output, program, _make_filter(roots))
    if kind == "settrace":
        _start_settrace(record)
    else:
        _start_monitoring(record, lines=kind == "monitoring")


_start()
