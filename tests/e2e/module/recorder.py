# SPDX-License-Identifier: MIT
"""What CPython itself says of the modules of myapp, in the words of breadcrumb_agent's events.

Settrace asks sys.settrace, Monitoring sys.monitoring (3.12+); Leaving is Settrace as seen by one who
looks only where frames are entered and left: of the exceptions of a frame it tells the one that
the frame is left by, there.

A value is itself where a TraceEvent has it as it is, ["text"] where it has a text of it, and
["cell"] where it may be left out.
"""

import _thread
import dis
import sys
import sysconfig

PLAIN = (type(None), bool, int, float, str)
NO_CELLS = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def shown(value):
    return value if type(value) in PLAIN else ["text"]


def variables(frame, arguments_only):
    """Of a frame, by name; None where it is not that of a function."""
    code = frame.f_code
    if not code.co_flags & 1:  # CO_OPTIMIZED
        return None
    names = list(frame.f_locals)
    if arguments_only:
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
        names = [name for name in code.co_varnames[:count] if name in frame.f_locals]
    found = {name: shown(frame.f_locals[name]) for name in names}
    for name in (*code.co_cellvars, *code.co_freevars) if NO_CELLS else ():
        found[name] = ["cell"]
    return found


def place(frame, line):
    return f'File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_name}'


def exception_of(frame, value, at):
    """at: its traceback, in which this frame is not yet where the end of an iterator came in."""
    here = at and at.tb_frame is frame
    way = [] if here else [place(frame, frame.f_lineno)]
    while at:
        way.append(place(at.tb_frame, at.tb_lineno))
        at = at.tb_next
    carries = isinstance(value, (StopIteration, StopAsyncIteration))
    message = None if carries else str(value) or None
    return {"type": type(value).__name__, "message": message, "stack_trace": way}


class Recorder:
    """Keeps rows by thread."""

    def __init__(self, lines):
        self.lines = lines
        self.rows = {}
        self.on = False

    def wanted(self, frame):
        module = frame.f_globals.get("__name__", "")
        inside = module == "myapp" or module.startswith("myapp.")
        return self.on and inside and not (module + ".").startswith("myapp.vendor.")

    def add(self, kind, frame, result=None, exception=None, line=None):
        code = frame.f_code
        silent = kind in ("resume", "unwind")
        self.rows.setdefault(_thread.get_ident(), []).append([
            kind,
            code.co_name,
            frame.f_globals["__name__"],
            code.co_filename,
            code.co_firstlineno if kind == "call" else line or frame.f_lineno,
            {} if silent else variables(frame, kind == "call"),
            shown(result) if kind in ("return", "yield") else None,
            exception_of(frame, *exception) if exception else None,
        ])

    def threads(self):
        return self.rows


class Settrace(Recorder):
    """A trace function is told of a start and of a resumption as "call", and of each way out as
    "return": the instruction that the frame is at tells them apart."""

    RETURNS = {dis.opmap[n] for n in ("RETURN_VALUE", "RETURN_CONST") if n in dis.opmap}
    YIELD = dis.opmap["YIELD_VALUE"]
    YIELD_FROM = dis.opmap.get("YIELD_FROM")
    RESUME = dis.opmap.get("RESUME")

    def __init__(self, lines):
        super().__init__(lines)
        self.raised = {}  # the last exception of each frame, by its id

    def start(self):
        self.on = True
        sys.settrace(self.enter_frame)

    def enter(self):
        if self.on:
            sys.settrace(self.enter_frame)

    def stop(self):
        self.on = False
        sys.settrace(None)

    def is_start(self, frame):
        at = frame.f_lasti
        if self.RESUME is None:
            return at < 0
        code = frame.f_code.co_code
        return code[at] == self.RESUME and code[at + 1] & 3 == 0

    def way_out(self, frame, raised_at):
        """raised_at: where the last that was said was an exception."""
        code, at = frame.f_code.co_code, frame.f_lasti
        if raised_at == at:
            return "unwind"
        if code[at] in self.RETURNS:
            return "return"
        suspended = code[at] == self.YIELD
        if self.YIELD_FROM is not None:
            suspended = suspended or code[at + 2:at + 3] == bytes([self.YIELD_FROM])
        if self.RESUME is not None:
            suspended = suspended or code[at] == self.RESUME and code[at - 2] == self.YIELD
        return "yield" if suspended else "unwind"

    def enter_frame(self, frame, event, arg):
        if not self.wanted(frame):
            return None
        self.add("call" if self.is_start(frame) else "resume", frame)
        raised_at = None

        def inside(frame, event, arg):
            nonlocal raised_at
            if not self.wanted(frame):
                return None
            if event == "exception":
                raised_at = frame.f_lasti
                # Else it is the end of an iterator, which leaves nothing.
                if arg[2] and arg[2].tb_frame is frame:
                    self.raised[id(frame)] = arg[1:]
                self.exception(frame, arg[1:])
            elif event == "line":
                raised_at = None  # a yield that is reached again is on a line that begins
                if self.lines:
                    self.add("line", frame)
            elif event == "return":
                kind = self.way_out(frame, raised_at)
                if kind == "unwind":
                    self.unwind(frame, self.raised[id(frame)])
                else:
                    self.add(kind, frame, arg)
                if kind != "yield":
                    self.raised.pop(id(frame), None)
            return inside

        return inside

    def exception(self, frame, raised):
        self.add("exception", frame, exception=raised)

    def unwind(self, frame, raised):
        self.add("unwind", frame)


class Leaving(Settrace):
    """The lines are those where it was raised, or came in."""

    def exception(self, frame, raised):
        pass

    def unwind(self, frame, raised):
        line = raised[1].tb_lineno
        self.add("exception", frame, exception=raised, line=line)
        self.add("unwind", frame, line=line)


class Monitoring(Recorder):
    """What sys.monitoring says, but of frames that ran before."""

    TOOL = 1

    def start(self):
        monitoring = sys.monitoring
        events = monitoring.events
        callbacks = {
            events.PY_START: self.callback("call"),
            events.PY_RESUME: self.callback("resume"),
            events.PY_THROW: self.callback("resume"),
            events.PY_RETURN: self.callback("return"),
            events.PY_YIELD: self.callback("yield"),
            events.PY_UNWIND: self.callback("unwind"),
            events.RAISE: self.callback("exception"),
        }
        if self.lines:
            callbacks[events.LINE] = self.callback("line")
        monitoring.use_tool_id(self.TOOL, "recorder")
        for event, callback in callbacks.items():
            monitoring.register_callback(self.TOOL, event, callback)
        self.before = set()
        for frame in sys._current_frames().values():
            while frame:
                self.before.add(frame)
                frame = frame.f_back
        self.on = True
        monitoring.set_events(self.TOOL, sum(callbacks))

    def enter(self):
        pass

    def stop(self):
        self.on = False
        sys.monitoring.set_events(self.TOOL, 0)
        sys.monitoring.free_tool_id(self.TOOL)

    def callback(self, kind):
        def tell(code, place, value=None):
            frame = sys._getframe(1)
            if not self.wanted(frame):
                return
            if frame in self.before:
                if kind in ("return", "yield", "unwind"):
                    self.before.discard(frame)
                return
            if kind == "exception":
                self.add(kind, frame, exception=(value, value.__traceback__))
            else:
                self.add(kind, frame, value)

        return tell
