# SPDX-License-Identifier: MIT
"""The Breadcrumb agent as this program sees it: see breadcrumb_agent(3)."""
# A part of the agent: it runs in the module that module.c makes, whose functions in C are
# there already.  Nothing of the program's runs for a value: attributes are read from exact
# types only.

import _thread
import _weakref
import atexit as _atexit
import sys as _sys
from collections import deque as _deque, namedtuple as _namedtuple
from posix import register_at_fork as _at_fork

__all__ = ["Backend", "FrameBackend", "MonitoringBackend", "SettraceBackend", "TraceEvent",
           "create_backend", "is_supported", "mark", "output_path", "pause", "recording",
           "resume", "snapshot", "stats"]

_MINOR = _sys.version_info[1]
_MARK_MAX = 4096
_STOPS_MAX = 100  # of a stack trace: its middle is left out, or deep recursions would take long
_LOSSES = ("disk full", "size limit", "space kept free", "file size limit", "no window",
           "write error", "too many ids", "low stack", "taken over", "sub-interpreter",
           "no definition", "no room for values", "paused by the program")

_traceback_of = BaseException.__dict__["__traceback__"].__get__
_type_name = type.__dict__["__name__"].__get__


# The running file trace

def pause():
    """Stops recording in this interpreter; True when it was recording."""
    return _pause()


def resume():
    """Goes on recording, or begins to; True when it was not recording."""
    changed = _resume()
    if changed is None:
        raise OSError("nothing can be recorded: the agent has said why on standard error")
    return changed


def mark(text):
    """Puts a text into the trace, as an event of this thread; False without a file."""
    if not isinstance(text, str):
        raise TypeError("text must be a str, not " + _type_name(type(text)))
    data = str.encode(text, "utf-8", "backslashreplace")
    if len(data) > _MARK_MAX:
        end = "\u2026".encode()
        whole = data[:_MARK_MAX - len(end)].decode("utf-8", "ignore")
        data = whole.encode() + end
    return _mark(data)


def snapshot():
    """Copies the file as it is now; the copy's path, or None."""
    return _snapshot()


def output_path():
    """The absolute path of this process's file; None when there is none."""
    return _output_path()


def stats():
    """What has been recorded, as a dict."""
    recording, path, backend, size, threads, codes, lost = _stats()
    names = {cause: _LOSSES[cause] if cause < len(_LOSSES) else "unknown cause" for cause in lost}
    return {"recording": recording, "path": path, "backend": backend, "bytes": size,
            "threads": threads, "codes": codes,
            "lost": {names[cause]: count for cause, count in lost.items()}}


# Reentrant: a signal handler may be in recording(), too.
_inside_lock = _thread.RLock()
_inside = {}  # how many are in recording(), by thread
_began = False  # whether one of them began to record, and the last one shall end that


def _forked():
    """In a child: the other threads are gone, and one of them may have had the lock."""
    global _inside_lock, _inside
    here = _thread.get_ident()
    _inside_lock = _thread.RLock()
    _inside = {here: _inside[here]} if here in _inside else {}


_at_fork(after_in_child=_forked)


class recording:
    """Records within a `with`; the text is a mark at its start."""

    def __init__(self, text=None):
        if text is not None and not isinstance(text, str):
            raise TypeError("text must be a str or None, not " + _type_name(type(text)))
        self._text = text

    def __enter__(self):
        global _began
        self._thread = here = _thread.get_ident()
        with _inside_lock:
            if resume():
                _began = True
            _inside[here] = _inside.get(here, 0) + 1
        if self._text is not None:
            mark(self._text)
        return self

    def __exit__(self, *exception):
        global _began
        here = self._thread
        with _inside_lock:
            left = _inside.get(here, 1) - 1
            if left:
                _inside[here] = left
            else:
                _inside.pop(here, None)
            if not _inside and _began:
                _began = False
                pause()
        return None


# Events in this process

TraceEvent = _namedtuple("TraceEvent", (
    "event_type", "timestamp", "thread_id", "function_name", "module", "filename",
    "line_number", "locals", "return_value", "exception"), module=__name__)


def _globs(name, patterns, default):
    if patterns is None:
        return list(default)
    if isinstance(patterns, str):
        raise TypeError(name + " must be a sequence of str, not a str")
    try:
        patterns = list(patterns)
    except TypeError:
        raise TypeError(name + " must be a sequence of str, not "
                        + _type_name(type(patterns))) from None
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(name + " must hold str, not " + _type_name(type(pattern)))
    return patterns


def _encodable(text):
    return str.encode(text, "utf-8", "backslashreplace").decode()


def _module_of(names):
    name = dict.get(names, "__name__", "")
    return name if type(name) is str else ""


def _place(code, line):
    at = ", line %d" % line if line else ""
    return 'File "%s"%s, in %s' % (code.co_filename, at, code.co_name)


def _exception(kind, value, traceback, code, line):
    """What an event says of an exception that is in a frame of `code`."""
    first, last, more = [], _deque(maxlen=_STOPS_MAX // 2), 0
    if traceback is None or traceback.tb_frame.f_code is not code:
        first.append((code, line))
    while traceback is not None:
        stop = traceback.tb_frame.f_code, traceback.tb_lineno
        if len(first) < _STOPS_MAX // 2:
            first.append(stop)
        else:
            more += len(last) == last.maxlen
            last.append(stop)
        traceback = traceback.tb_next
    way = [_place(*stop) for stop in first]
    if more:
        way.append("[%d more frames]" % more)
    way += [_place(*stop) for stop in last]
    return {"type": _type_name(kind), "message": _message(kind, value), "stack_trace": way}


class _Alive:
    """Is there as long as its thread."""


class _Thread:
    """What a backend keeps for a thread."""

    def __init__(self, alive):
        self.ident = _thread.get_ident()
        self.alive = _weakref.ref(alive)
        self.events = []
        self.entered = {}  # frames that were told of; some may have been left without a word
        self.last = _clock.earliest

    def now(self):
        """The time, which does not go back though somebody sets the clock."""
        self.last = now = max(_clock.now(_clock.utc), self.last)
        return now


class _clock:
    """What backends need of datetime, which is not imported for less."""

    @classmethod
    def load(cls):
        from datetime import datetime, timezone
        cls.now, cls.utc = datetime.now, timezone.utc
        cls.earliest = datetime.min.replace(tzinfo=timezone.utc)


_running = []  # backends


def _stop_all():
    """Before modules are taken to pieces, and this one with them."""
    for backend in list(_running):
        backend.stop()


_atexit.register(_stop_all)


class Backend:
    """What the backends have in common."""

    DEFAULT_EXCLUDE = ("threading", "queue", "_thread", "contextlib", "importlib.*", "sys", "os",
                       "posixpath", "genericpath")

    def __init__(self, callback=None, include_patterns=None, exclude_patterns=None,
                 capture_locals=True, capture_lines=False):
        name = _type_name(type(self))
        if not self.is_supported():
            raise RuntimeError("%s does not support CPython 3.%d" % (name, _MINOR))
        if callback is not None and not callable(callback):
            raise TypeError("callback must be callable or None, not "
                            + _type_name(type(callback)))
        self.callback = callback
        self.include_patterns = _globs("include_patterns", include_patterns, ())
        self.exclude_patterns = _globs("exclude_patterns", exclude_patterns, self.DEFAULT_EXCLUDE)
        self.capture_locals = bool(capture_locals)
        self.capture_lines = bool(capture_lines)
        self.callback_errors = 0
        self.lost = 0
        self.running = False
        self._local = _thread._local()
        self._threads = {}  # of all that it has met: a set that keeps their order
        self._wanted = {}
        self._lock = _thread.RLock()  # a callback may call stop()
        _clock.load()

    @staticmethod
    def is_supported():
        """Whether this interpreter can be traced by the class."""
        return False

    def _install(self):
        raise NotImplementedError

    def _remove(self):
        raise NotImplementedError

    def start(self):
        """Tells of all threads from now on."""
        with self._lock:
            if self.running:
                return
            self._include = _encodable(",".join(self.include_patterns))
            self._exclude = _encodable(",".join(self.exclude_patterns))
            self._wanted = {}
            for thread in list(self._threads):
                thread.entered.clear()
            self.callback_errors = 0
            self.lost = 0
            self.running = True
            try:
                self._install()
            except BaseException:
                self.running = False
                raise
            _running.append(self)

    def stop(self):
        """Tells of nothing any more."""
        with self._lock:
            if self.running:
                self.running = False
                _running.remove(self)
                self._remove()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()
        return None

    def get_events(self, all_threads=False):
        """The events of the calling thread, or of all by time: a new list."""
        if not all_threads:
            return list(self._mine().events)
        every = [event for thread in list(self._threads) for event in list(thread.events)]
        every.sort(key=lambda event: event.timestamp)
        return every

    def clear_events(self, all_threads=False):
        """Forgets the events of the calling thread, or of all."""
        for thread in list(self._threads) if all_threads else [self._mine()]:
            thread.events.clear()
            if thread.alive() is None:
                self._threads.pop(thread, None)

    def _sparing(self, function):
        """The same without a RecursionError, where the program is at its limit.  What else is
        raised is for the program: Ctrl-C, or a signal handler's own."""
        def spared(*arguments):
            try:
                return function(*arguments)
            except RecursionError:
                self.lost += 1
                return None
        return spared

    def _mine(self):
        try:
            return self._local.thread
        except AttributeError:
            self._local.alive = alive = _Alive()
            thread = self._local.thread = _Thread(alive)
            self._threads[thread] = True
            return thread

    def _wants(self, module):
        """Whether a module is told of; asked once for each."""
        try:
            return self._wanted[module]
        except KeyError:
            name = _encodable(module)
            wanted = (module != __name__ and not _matches(self._exclude, name)
                      and (not self.include_patterns or _matches(self._include, name)))
            self._wanted[module] = wanted
            return wanted

    def _tell(self, thread, kind, code, module, line, variables, value=None, exception=None):
        event = TraceEvent(kind, thread.now(), thread.ident, code.co_name, module,
                           code.co_filename, line, variables, value, exception)
        thread.events.append(event)
        if self.callback is None:
            return
        try:
            self.callback(event)
        except KeyboardInterrupt:  # nobody's mistake: it is for the program
            raise
        except BaseException as error:
            self.callback_errors += 1
            if self.callback_errors == 1:
                _report(error, self.callback)

    def _tell_frame(self, thread, kind, frame, value=None, exception=None):
        code = frame.f_code
        variables = {}
        if self.capture_locals and kind not in ("resume", "unwind"):
            variables = _variables(frame, kind == "call")
        line = code.co_firstlineno if kind == "call" else frame.f_lineno or 0
        self._tell(thread, kind, code, _module_of(frame.f_globals), line, variables, value,
                   exception)


class MonitoringBackend(Backend):
    """sys.monitoring (PEP 669): 3.12 and newer."""

    @staticmethod
    def is_supported():
        """Whether this interpreter can be traced by the class."""
        return _MINOR >= 12

    def _install(self):
        self._tool = _take_tool()
        events = _sys.monitoring.events
        callbacks = {events.PY_START: self._starts, events.PY_RESUME: self._goes_on,
                     events.PY_THROW: self._is_thrown, events.PY_RETURN: self._returns,
                     events.PY_YIELD: self._yields, events.PY_UNWIND: self._unwinds,
                     events.RAISE: self._raises}
        if self.capture_lines:
            callbacks[events.LINE] = self._at_line
        _use_tool(self._tool, {event: self._sparing(callback)
                               for event, callback in callbacks.items()})

    def _remove(self):
        _give_tool(self._tool)

    def _begins(self, kind, frame):
        if not self._wants(_module_of(frame.f_globals)):
            return _sys.monitoring.DISABLE
        if self.running:
            thread = self._mine()
            thread.entered[id(frame)] = True
            self._tell_frame(thread, kind, frame)
        return None

    def _ends(self, kind, frame, value):
        if not self._wants(_module_of(frame.f_globals)):
            return _sys.monitoring.DISABLE
        thread = self._mine()
        if self.running and thread.entered.pop(id(frame), None):
            self._tell_frame(thread, kind, frame, value)
        return None

    def _starts(self, code, offset):
        return self._begins("call", _sys._getframe(2))

    def _goes_on(self, code, offset):
        return self._begins("resume", _sys._getframe(2))

    def _is_thrown(self, code, offset, exception):
        self._begins("resume", _sys._getframe(2))

    def _returns(self, code, offset, value):
        return self._ends("return", _sys._getframe(2), _value(value))

    def _yields(self, code, offset, value):
        return self._ends("yield", _sys._getframe(2), _value(value))

    def _unwinds(self, code, offset, exception):
        self._ends("unwind", _sys._getframe(2), None)

    def _raises(self, code, offset, exception):
        frame = _sys._getframe(2)
        thread = self._mine()
        if self.running and id(frame) in thread.entered:
            what = _exception(type(exception), exception, _traceback_of(exception), code,
                              frame.f_lineno)
            self._tell_frame(thread, "exception", frame, exception=what)

    def _at_line(self, code, line):
        frame = _sys._getframe(2)
        if not self._wants(_module_of(frame.f_globals)):
            return _sys.monitoring.DISABLE
        thread = self._mine()
        if self.running and id(frame) in thread.entered:
            variables = _variables(frame, False) if self.capture_locals else {}
            self._tell(thread, "line", code, _module_of(frame.f_globals), line, variables)
        return None


def _take_tool():
    """A tool id of sys.monitoring that nobody has, those first that nobody is named for."""
    for tool in (4, 3, 5, 2, 1, 0):
        try:
            _sys.monitoring.use_tool_id(tool, "breadcrumb_agent")
            return tool
        except ValueError:
            pass
    raise RuntimeError("no tool id of sys.monitoring is free")


def _use_tool(tool, callbacks):
    try:
        for event, callback in callbacks.items():
            _sys.monitoring.register_callback(tool, event, callback)
        _sys.monitoring.set_events(tool, sum(callbacks))
        # What another start has switched off at its place.
        _sys.monitoring.restart_events()
    except BaseException:
        _give_tool(tool)
        raise


def _give_tool(tool):
    monitoring = _sys.monitoring
    if monitoring.get_tool(tool) != "breadcrumb_agent":
        return  # somebody else has freed it
    try:
        monitoring.set_events(tool, 0)
        for name in ("PY_START", "PY_RESUME", "PY_THROW", "PY_RETURN", "PY_YIELD", "PY_UNWIND",
                     "RAISE", "LINE"):
            monitoring.register_callback(tool, getattr(monitoring.events, name), None)
    finally:
        monitoring.free_tool_id(tool)


_using = {}  # what an interpreter has one of: the backend that uses it


def _use(what, backend):
    if _using.setdefault(what, backend) is not backend:
        raise RuntimeError("another %s is running" % _type_name(type(backend)))


class SettraceBackend(Backend):
    """A trace function in every thread: all versions."""

    @staticmethod
    def is_supported():
        """Whether this interpreter can be traced by the class."""
        return _MINOR >= 10

    def _install(self):
        _use("settrace", self)
        try:
            self._before = _sys.gettrace()
            self._starter = _thread.get_ident()
            self._trace = self._tracer()
            self._watch()
            _settrace(self._trace, self.capture_lines)
        except BaseException:
            self._remove()
            raise

    def _remove(self):
        trace, self._trace = self._trace, None  # other threads take theirs out at the next event
        if _thread.get_ident() == self._starter and _sys.gettrace() is trace:
            _sys.settrace(self._before)
        self._before = self._starter = None
        del _using["settrace"]
        try:
            if _MINOR < 12:
                _evaluate(None, None)
            elif self._tool is not None:
                _give_tool(self._tool)
        finally:
            self._tool = None

    _tool = None

    def _watch(self):
        """Threads are met where they run Python."""
        if _MINOR >= 12:
            events = _sys.monitoring.events
            self._tool = _take_tool()
            goes_on = self._sparing(self._goes_on)
            _use_tool(self._tool, {events.PY_START: self._sparing(self._starts),
                                   events.PY_RESUME: goes_on, events.PY_THROW: goes_on})
        elif not _evaluate(False, self._sparing(self._meet)):
            raise RuntimeError("another backend has the frame-evaluation hook")

    def _meet(self):
        """Gives this thread the trace function, and returns it when it has it only now."""
        trace = self._trace  # None: stop() was called meanwhile
        if trace is None or _sys.gettrace() is not None:  # this one, or the thread's own
            return None
        _settrace(trace, self.capture_lines)
        return trace

    # The trace function's own tool was asked first, and had nothing to call.

    def _starts(self, code, offset):
        trace = self._meet()
        if trace is not None:
            trace("call", _sys._getframe(2), None)

    def _goes_on(self, code, offset, exception=None):
        trace = self._meet()
        if trace is not None:
            trace("resume", _sys._getframe(2), None)

    def _tracer(self):
        """A trace function of this start, which knows when it is over."""
        event_of = self._sparing(self._event)

        def trace(kind, frame, value):
            if self._trace is trace:
                event_of(kind, frame, value)
            elif _thread.get_ident() != self._starter and _sys.gettrace() is trace:
                _settrace(None, False)
        return trace

    def _event(self, kind, frame, value):
        thread = self._mine()
        if kind == "call" or kind == "resume":
            if self._wants(_module_of(frame.f_globals)):
                thread.entered[id(frame)] = True
                self._tell_frame(thread, kind, frame)
        elif id(frame) not in thread.entered:
            return
        elif kind == "line":
            self._tell_frame(thread, kind, frame)
        elif kind == "exception":
            what = _exception(*value, frame.f_code, frame.f_lineno)
            self._tell_frame(thread, kind, frame, exception=what)
        else:
            thread.entered.pop(id(frame), None)
            self._tell_frame(thread, kind, frame, None if kind == "unwind" else _value(value))


class FrameBackend(Backend):
    """Frame evaluation (PEP 523): 3.10 and 3.11."""

    def __init__(self, callback=None, include_patterns=None, exclude_patterns=None,
                 capture_locals=True, capture_lines=False):
        super().__init__(callback, include_patterns, exclude_patterns, capture_locals,
                         capture_lines)
        if capture_lines:
            raise ValueError("capture_lines: FrameBackend does not see lines")

    @staticmethod
    def is_supported():
        """Whether this interpreter can be traced by the class."""
        return _MINOR <= 11

    def _install(self):
        _use("frame", self)
        if not _evaluate(True, self._sparing(self._event)):
            del _using["frame"]
            raise RuntimeError("another backend has the frame-evaluation hook")

    def _remove(self):
        del _using["frame"]
        _evaluate(None, None)

    def _event(self, kind, frame, code, names, line, variables, value):
        """Called by live.c; for an entry: True, the exit is wanted; False, never this code."""
        module = _module_of(names)
        if not self._wants(module):
            return False
        if not self.running:
            return None
        thread = self._mine()
        if not self.capture_locals:
            variables = {}
        if kind in ("call", "resume"):
            thread.entered[frame] = True
            if kind == "call":
                line = code.co_firstlineno
            self._tell(thread, kind, code, module, line, variables)
        elif not thread.entered.pop(frame, None):
            return None
        elif kind == "exception":
            raised, error, traceback = value
            at = traceback.tb_lineno if traceback is not None else None
            what = _exception(raised, error, traceback, code, at or line)
            self._tell(thread, kind, code, module, at or line, variables, exception=what)
            self._tell(thread, "unwind", code, module, at or line, {})
        else:
            self._tell(thread, kind, code, module, line, variables, _value(value))
        return True


_BEST = MonitoringBackend if _MINOR >= 12 else SettraceBackend


def is_supported():
    """Whether create_backend() works in this interpreter."""
    return _BEST.is_supported()


def create_backend(**kwargs):
    """The backend that sees most in this interpreter, with its constructor's arguments."""
    return _BEST(**kwargs)
