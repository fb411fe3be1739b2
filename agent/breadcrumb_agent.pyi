# SPDX-License-Identifier: MIT
"""Events of this process, and control of its trace file.

The module is built in where the Breadcrumb agent is preloaded and not disabled; elsewhere
importing it is a ModuleNotFoundError.  breadcrumb_agent(3) is its manual.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Literal, NamedTuple, TypedDict
from typing_extensions import Self, TypeAlias

__version__: str
"""The agent's version."""

_Value: TypeAlias = bool | int | float | str | None

class _Exception(TypedDict):
    """The exception of an event."""

    type: str
    """Name of its class, without the module."""
    message: str | None
    """What str() would say, None when that is nothing.  No __str__ of the program is called."""
    stack_trace: list[str]
    """'File "app.py", line 3, in f' of each frame that it has passed so far, this event's first."""

class _Stats(TypedDict):
    """What stats() answers."""

    recording: bool
    """Events go into the file now."""
    path: str | None
    """Absolute path of the file; None: there is none yet."""
    backend: Literal["monitoring", "frame", "settrace"]
    """How the file trace sees events."""
    bytes: int
    """Size of the file, 0 without one."""
    threads: int
    """Threads seen so far."""
    codes: int
    """Code objects (functions, class bodies, modules) that the file describes so far."""
    lost: dict[str, int]
    """What is not in the file, by cause; causes with 0 are left out."""

class TraceEvent(NamedTuple):
    """An event.  It cannot be changed, and is equal to another with equal fields."""

    event_type: Literal["call", "return", "yield", "resume", "unwind", "exception", "line"]
    """call, return: of a function.  yield, resume: a generator or coroutine stops for a while,
    and goes on, by throw() and close() too.  unwind: a frame is left by an exception.
    exception: raised in a frame, or come into it.  line: about to run."""
    timestamp: datetime
    """When, in UTC (tzinfo is set), to the microsecond.  It never goes back within a thread."""
    thread_id: int
    """Of the thread that it happened in, as threading.get_ident()."""
    function_name: str
    """co_name of the code."""
    module: str
    """__name__ of the frame's globals, "" without one."""
    filename: str
    """co_filename of the code."""
    line_number: int
    """From 1.  call: the function's first line; else the line that the frame is at."""
    locals: dict[str, _Value]
    """call: the arguments; return, yield, line, exception: all variables that are set; resume,
    unwind, and without capture_locals: {}."""
    return_value: _Value
    """Of return and yield; else None."""
    exception: _Exception | None
    """Of exception; else None."""

class Backend:
    """What the three backends have in common; not for use by itself."""

    DEFAULT_EXCLUDE: ClassVar[tuple[str, ...]]
    """Modules that are left out where exclude_patterns is None."""

    def __init__(
        self,
        callback: Callable[[TraceEvent], Any] | None = None,
        include_patterns: Sequence[str] | None = None,
        exclude_patterns: Sequence[str] | None = None,
        capture_locals: bool = True,
        capture_lines: bool = False,
    ) -> None:
        """A backend that does not run yet.

        callback: called with each event, in the event's thread, which waits; None: events are
            only kept, for get_events().  What it calls is no event.  The first exception in it
            after each start() goes to sys.unraisablehook, later ones are only counted.
            TypeError: not callable.
        include_patterns: globs (*, ?, [abc]) of the modules to tell of; pkg.* is pkg and all
            below it.  None, []: all modules.  TypeError: no sequence of str, or a str.
        exclude_patterns: globs of the modules to leave out, whatever include_patterns says.
            None: DEFAULT_EXCLUDE; []: none.  TypeError: no sequence of str, or a str.
        capture_locals: fill in TraceEvent.locals.
        capture_lines: events of lines, too.  ValueError: FrameBackend does not see them.
        RuntimeError: not for this version of Python, see is_supported().
        """
    @staticmethod
    def is_supported() -> bool:
        """Whether this class can be used with this version of Python."""
    @property
    def callback(self) -> Callable[[TraceEvent], Any] | None:
        """As given."""
    @property
    def include_patterns(self) -> list[str]:
        """As given; [] for None."""
    @property
    def exclude_patterns(self) -> list[str]:
        """As given; DEFAULT_EXCLUDE for None."""
    @property
    def capture_locals(self) -> bool:
        """As given."""
    @property
    def capture_lines(self) -> bool:
        """As given."""
    @property
    def callback_errors(self) -> int:
        """Exceptions that the callback has raised since start()."""
    @property
    def lost(self) -> int:
        """Events since start() that a recursion at its limit left no room for."""
    @property
    def running(self) -> bool:
        """Between start() and stop()."""
    def start(self) -> None:
        """Tells events of all threads of this interpreter from here on.  Running: nothing.

        Frames that run already are not told until they are left; generators from their next
        resume on.
        RuntimeError: SettraceBackend, FrameBackend: another one of its kind runs in this
            interpreter, or, on 3.10 and 3.11, one of the other; MonitoringBackend: no tool id
            of sys.monitoring is free.
        """
    def stop(self) -> None:
        """No events any more; those that there are stay.  Not running: nothing."""
    def get_events(self, all_threads: bool = False) -> list[TraceEvent]:
        """The events that are kept, oldest first: a copy.

        all_threads: of all threads, those that have ended too; else of the calling thread.
        """
    def clear_events(self, all_threads: bool = False) -> None:
        """Forgets the events that are kept.

        all_threads: of all threads; else of the calling thread.
        """
    def __enter__(self) -> Self:
        """start()"""
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """stop()"""

class MonitoringBackend(Backend):
    """By sys.monitoring: CPython 3.12 and later.  A running one has one of its tool ids."""

class SettraceBackend(Backend):
    """By sys.settrace: all versions.

    stop() puts back what sys.gettrace() was in the thread that called start().  Other threads
    that have a trace function of their own keep it, and nothing is told of them.  A file trace of
    the settrace backend gives way to it, as to any debugger.
    """

class FrameBackend(Backend):
    """By frame evaluation: CPython 3.10 and 3.11.

    Tells no lines, and an exception only where it leaves a frame.
    """

def is_supported() -> bool:
    """Whether create_backend() can be used with this version of Python."""

def create_backend(
    *,
    callback: Callable[[TraceEvent], Any] | None = None,
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    capture_locals: bool = True,
    capture_lines: bool = False,
) -> MonitoringBackend | SettraceBackend:
    """The backend for this version: MonitoringBackend on 3.12 and later, else SettraceBackend.

    Arguments and errors are those of Backend.
    """

def pause() -> bool:
    """Stops recording this interpreter into the file; its hooks are taken out.

    The file says where, as events lost.  True: it was recording; False: it was not.
    """

def resume() -> bool:
    """Goes on recording; begins, and makes the file, where BREADCRUMB_START is manual.

    True: it was not recording, and is now; False: it was recording.
    OSError: there can be no file; standard error has the reason.
    """

def mark(text: str, /) -> bool:
    """Puts a text into the file, as an event of the calling thread; also while paused.

    text: at most 4096 bytes of UTF-8; of a longer one the start, with "…".  TypeError: no str.
    True: done; False: there is no file yet.
    """

def snapshot() -> str | None:
    """Copies the file as it is now.

    The path of the copy; None: there is no file, or it could not be copied.
    """

def output_path() -> str | None:
    """Absolute path of this process's file; None: there is none yet."""

def stats() -> _Stats:
    """The state of the file trace."""

def recording(text: str | None = None) -> AbstractContextManager[object]:
    """Records within a with statement; after it all is as before.

    They may be inside of each other and in several threads: the last one to end counts.
    text: put into the file at the start, as by mark(); None: nothing.  TypeError: no str.
    Entering it: OSError as of resume().
    """
