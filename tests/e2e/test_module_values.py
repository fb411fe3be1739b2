# SPDX-License-Identifier: MIT
"""This exercises: the events of breadcrumb_agent as objects, their times, and the values in them."""

from behave import read
from harness import Failure, for_backends, parametrize, short, timeout
from module_tests import KINDS, answer, run, said
from test_values import HOSTILE


@short()
@for_backends()
def test_event_is_a_named_tuple(ctx):
    got = answer(ctx, """
import copy
def f(x):
    return x
back = Kind(**MAIN)
with back:
    f(1), f(1), f(2)
events = back.get_events()
e = events[0]
seen = {}
def refused(name, action, kinds=(AttributeError, TypeError)):
    try:
        action()
    except kinds:
        seen[name] = 'refused'
    else:
        seen[name] = 'done'
refused('set', lambda: setattr(e, 'event_type', 'x'))
refused('new', lambda: setattr(e, 'anything', 'x'))
refused('delete', lambda: delattr(e, 'event_type'))
refused('item', lambda: e.__setitem__(0, 'x'))
refused('short', lambda: b.TraceEvent('call'))
refused('kind', lambda: b.TraceEvent(*e, 'more'))
seen['type'] = type(e) is b.TraceEvent and isinstance(e, tuple) and len(e) == 10
seen['equal'] = [e == back.get_events()[0], e == tuple(e), e == copy.copy(e), e != events[1],
                 b.TraceEvent(*e) == e, b.TraceEvent._make(e) == e, e == b.TraceEvent(**e._asdict())]
seen['order'] = [e < e._replace(event_type='return'), e == e._replace(line_number=e.line_number)]
seen['asdict'] = [e._asdict() == dict(zip(e._fields, e)), list(e._asdict()) == list(e._fields)]
seen['repr'] = repr(e)
seen['expected'] = 'TraceEvent(' + ', '.join(f'{k}={v!r}' for k, v in e._asdict().items()) + ')'
seen['replaced'] = e._replace(line_number=77).line_number
kind, *_, exception = e
seen['unpacked'] = [kind, exception]
seen['locals'] = [type(e.locals).__name__, events[1].locals]
say(seen)
""")
    ctx.equal(got["repr"].split(".")[-1], got.pop("expected").split(".")[-1], "repr()")
    if not got.pop("repr").startswith("TraceEvent(event_type='call', timestamp="):
        raise Failure("repr() of an event")
    ctx.equal(got, {
        **dict.fromkeys(("set", "new", "delete", "item", "short", "kind"), "refused"),
        "type": True, "equal": [True] * 7, "order": [True, True], "asdict": [True, True],
        "replaced": 77, "unpacked": ["call", None], "locals": ["dict", {"x": 1}],
    })


@for_backends()
def test_events_belong_to_who_got_them(ctx):
    """What one does to an event's dictionaries is no business of the next one who asks."""
    got = answer(ctx, """
def f(x):
    return x
told = []
back = Kind(told.append, **MAIN)
with back:
    f(1)
events = back.get_events()
events.append(1)
del events[0]
say([len(back.get_events()), len(told)])
""")
    ctx.equal(got, [2, 2])


@for_backends()
def test_times_are_in_utc_and_rise(ctx):
    got = answer(ctx, """
import datetime
def f(n):
    return n
def work():
    for n in range(1500):
        f(n)
now = lambda: datetime.datetime.now(datetime.timezone.utc)
back = Kind(include_patterns=['__main__'], exclude_patterns=['helpers'])
before = now()
back.start()
work()
middle = now()
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
back.stop()
after = now()
f(1)
own = back.get_events()
every = back.get_events(all_threads=True)
threads = {}
for e in every:
    threads.setdefault(e.thread_id, []).append(e.timestamp)
stamps = [e.timestamp for e in every]
early = [e.timestamp for e in own if e.function_name == 'f']
say([type(stamps[0]).__name__, {str(s.utcoffset()) for s in stamps} == {'0:00:00'},
     stamps[0].tzinfo is datetime.timezone.utc,
     before <= min(stamps), max(stamps) <= after, max(early) <= middle,
     [(min(stamps) - before).total_seconds(), (after - max(stamps)).total_seconds()],
     all(t == sorted(t) for t in threads.values()), stamps == sorted(stamps),
     len({s.microsecond for s in stamps}) > 100, len(every) >= 12000])
""")
    slack = got.pop(6)
    if got != ["datetime"] + [True] * 9:
        raise Failure(f"{got}; seconds to the first and from the last event: {slack}")


@for_backends()
def test_identity_and_place_of_an_event(ctx):
    got = answer(ctx, """
class Shop:
    def buy(self, n):
        return lambda: n
    class Inner:
        @staticmethod
        def give():
            yield 1
space = {}
exec(compile('def made():\\n\\n    return 2', 'made of <text>', 'exec'), space)
back = Kind(exclude_patterns=['helpers'])
with back:
    Shop().buy(3)()
    list(Shop.Inner.give())
    space['made']()
me = threading.get_ident()
say([[e.event_type, e.function_name, e.module, os.path.basename(e.filename),
      e.line_number - Shop.buy.__code__.co_firstlineno if e.module else e.line_number,
      e.thread_id == me] for e in back.get_events()])
""")
    main, made = ["__main__", "program.py"], ["", "made of <text>"]
    ctx.equal(got, [
        ["call", "buy", *main, 0, True], ["return", "buy", *main, 1, True],
        ["call", "<lambda>", *main, 1, True], ["return", "<lambda>", *main, 1, True],
        # The line of a decorated function is that of its first decorator.
        ["call", "give", *main, 3, True], ["yield", "give", *main, 5, True],
        ["resume", "give", *main, 5, True], ["return", "give", *main, 5, True],
        ["call", "made", *made, 1, True], ["return", "made", *made, 3, True],
    ])


# Values by expression, and what is in the event: None where it is the value itself.
PLAIN = ["None", "True", "False", "0", "-7", "2**30", "-2**64", "2**4096", "1.5", "-0.0", "1e300", "''",
         "'abc'", "'x' * 200", "'\\u20ac\\U0001f600'", "'a\\ud800b'", "'line\\n\\x00\\x7f'"]
TEXTS = {
    "'x' * 201": "'" + "x" * 200 + "'… 1 more",
    "'y' * 100000": "'" + "y" * 200 + "'… 99800 more",
    "b'ab'": "b'ab'",
    "(1, 'a')": "(1, 'a')",
    "1j": "1j",
    "...": "Ellipsis",
    "int": "<class 'int'>",
    "range(3)": "range(0, 3)",
    "ValueError('x')": "ValueError('x')",
}
MOVING = {
    "[1, 2]": "[1, 2]",
    "{'a': [1]}": "{'a': [1]}",
    "{1}": "{1}",
    "Text('a')": "<__main__.Text 'a'>",
    "Number(5)": "<__main__.Number 5>",
    "Yes.NO": "<Yes.NO: 0>",
    "User(7)": "<__main__.User id=7>",
}


@short()
@for_backends()
def test_values_are_themselves_or_a_text(ctx):
    texts = dict(TEXTS) if ctx.free_threaded else {**TEXTS, **MOVING}
    got = answer(ctx, f"PLAIN, TEXTS = {PLAIN!r}, {texts!r}" + """
import enum
class Text(str): pass
class Number(int): pass
class Yes(enum.Enum): NO = 0
class User:
    def __init__(self, id): self.id = id
def f(x):
    y = x
    return x
def g(x):
    yield x
back = Kind(**MAIN)
wrong = []
def check(text, value, expected):
    back.clear_events()
    with back:
        f(value)
        list(g(value))
    events = [e for e in back.get_events() if e.function_name in 'fg']
    call, left = events[:2]
    [given] = [e for e in events if e.event_type == 'yield']
    seen = [call.locals['x'], left.locals['x'], left.locals['y'], left.return_value,
            given.return_value, given.locals['x']]
    if any(type(s) is not type(expected) or repr(s) != repr(expected) for s in seen):
        wrong.append([text, ascii(seen)])
for text in (*PLAIN, "float('nan')", *TEXTS):
    value = eval(text)
    check(text, value, TEXTS.get(text, value))
say(wrong)
""")
    ctx.equal(got, [])


@for_backends("monitoring", "frame")
def test_texts_are_those_of_the_file(ctx):
    env = {"BREADCRUMB_CAPTURE_LOCALS": "1", "BREADCRUMB_CAPTURE_RETURNS": "1",
           "BREADCRUMB_INCLUDE": "__main__", "BREADCRUMB_VALUE_ITEMS": "3",
           "BREADCRUMB_VALUE_DEPTH": "3", "BREADCRUMB_VALUE_LENGTH": "20"}
    result = run(ctx, """
import collections, datetime, decimal, pathlib, uuid
class User:
    def __init__(self, **values): self.__dict__.update(values)
class Slots:
    __slots__ = ('a', 'password')
slots = Slots(); slots.a = 1; slots.password = 'x'
cycle = []; cycle.append(cycle)
VALUES = [[1], list(range(20)), {'a': {'b': {'c': {'d': 1}}}}, {1, 2}, User(id=1, token='x', more=[1]),
          slots, cycle, 'z' * 30, b'z' * 30, datetime.date(2026, 1, 2), decimal.Decimal('1.5'),
          pathlib.PurePosixPath('/a/b'), uuid.UUID(int=7), collections.OrderedDict(a=1), object(),
          User, len, print, sys, lambda: 1, (i for i in ()), 'Bearer abcdefghijklmnop', 4111111111111111,
          {'api_key': 'x'}, collections.deque([1, 2]), frozenset([1]), slice(1), 3j]
def f(x):
    return x
back = Kind(**MAIN)
with back:
    for value in VALUES:
        f(value)
say([[e.locals['x'], e.return_value] for e in back.get_events() if e.event_type == 'return'])
""", env=env)
    got = said(result)
    [*events] = read(ctx, result).select(event_type="return", function_name="f")
    expected = [[e["locals"]["x"], e["return_value"]] for e in events]
    ctx.equal(got, expected)


def test_bounds_are_those_of_the_environment(ctx):
    got = answer(ctx, """
def f(x):
    pass
back = b.create_backend(**MAIN)
with back:
    for value in ('abc', 'abcd', (1, 2, 3, 4), (1, (2, (3,)))):
        f(value)
say([e.locals['x'] for e in back.get_events() if e.event_type == 'call'])
""", env={"BREADCRUMB_VALUE_LENGTH": "3", "BREADCRUMB_VALUE_ITEMS": "2",
          "BREADCRUMB_VALUE_DEPTH": "2"})
    ctx.equal(got, ["abc", "'abc'… 1 more", "(1, 2, … 2 more)", "(1, (2, … 1 more))"])


@short()
@for_backends()
def test_secrets_are_not_in_events(ctx):
    got = answer(ctx, """
def login(name, password, *, dbToken=None, **options):
    secret_key = password
    number = 4111111111111111
    return 'Bearer SECRET-abcdefgh'
def gives():
    yield 'card 4111 1111 1111 1111'
def refuses(api_key):
    raise ValueError('refused: Bearer SECRET-12345678')
back = Kind(**MAIN)
with back:
    login('ann', 'SECRET-1', dbToken='SECRET-2', user_cookie='SECRET-3', Token=b'SECRET-4')
    list(gives())
    try:
        refuses(['SECRET-5'])
    except ValueError:
        pass
events = back.get_events()
call, left = events[:2]
say([call.locals, left.locals, left.return_value,
     [e.return_value for e in events if e.event_type == 'yield'],
     [e.locals for e in events if e.event_type == 'exception' and e.function_name == 'refuses'],
     [n for n in ('SECRET-', '4111111', '4111 1111') if n in repr(events)]])
""")
    hidden = "[redacted]"
    for event_locals in got[:2]:
        options = event_locals.pop("options")
        if not ctx.free_threaded and options != "{'user_cookie': [redacted], 'Token': [redacted]}":
            raise Failure(f"options={options}")
    arguments = {"name": "ann", "password": hidden, "dbToken": hidden}
    ctx.equal(got, [
        arguments, {**arguments, "secret_key": hidden, "number": hidden}, hidden, [hidden],
        [{"api_key": hidden}], [],
    ])


def test_words_that_are_redacted_are_those_of_the_environment(ctx):
    got = answer(ctx, """
def f(pin, password):
    pass
back = b.create_backend(**MAIN)
with back:
    f(1234, 'open')
say(back.get_events()[0].locals)
""", env={"BREADCRUMB_REDACT": "pin,puk"})
    ctx.equal(got, {"pin": "[redacted]", "password": "open"})


@timeout(150)
@for_backends()
@parametrize("lines", ["0", "1"], short=["0"])
def test_no_code_of_the_program_runs_for_events(ctx, lines):
    if lines == "1" and ctx.backend == "frame":
        return
    told = f"""\
import sys
import breadcrumb_agent as b
back = getattr(b, {KINDS[ctx.backend]!r})(include_patterns=['__main__'], capture_lines={lines == '1'})
"""
    harmful = HOSTILE.replace("range(200)", "range(20)")
    plain = ctx.plain(harmful).check(0)
    text = told + harmful.replace("def f(x):", "back.start()\ndef f(x):").replace(
        "print('done'", """\
back.stop()
kinds = [e.event_type for e in back.get_events() if e.function_name == 'f']
assert kinds.count('call') == kinds.count('return') == 20 * len(values), kinds
assert {type(v) for e in back.get_events() for v in e.locals.values()} <= {str, type(None), int}
print('done'""")
    result = ctx.run(text, timeout=120).check(0)
    ctx.equal([result.stdout, result.stderr], [plain.stdout, plain.stderr])


@for_backends()
def test_message_of_an_exception_runs_nothing(ctx):
    got = answer(ctx, """
class Own(Exception):
    def __str__(self):
        print('called')
        return 'never'
class Args(Exception):
    @property
    def args(self):
        print('called')
CASES = [ValueError('plain'), ValueError(), ValueError(1), ValueError('a', 2), KeyError('key'),
         OSError(2, 'No such thing', 'file'), Own('mine'), UnicodeError('\\u20ac'), StopIteration(7),
         Args('x')]
def f(error):
    raise error
def g(error):
    try:
        f(error)
    except Exception:
        pass
back = Kind(**MAIN)
with back:
    for case in CASES:
        g(case)
events = [e for e in back.get_events() if e.event_type == 'exception' and e.function_name == 'f']
say([[e.exception['type'], e.exception['message'], len(e.exception['stack_trace'])] for e in events] +
    [sorted(events[0].exception), events[0].exception['stack_trace'] ==
     [f'File "{__file__}", line {f.__code__.co_firstlineno + 1}, in f']])
""")
    ctx.equal(got[:-2], [
        ["ValueError", "plain", 1], ["ValueError", None, 1], ["ValueError", "1", 1],
        ["ValueError", "('a', 2)", 1], ["KeyError", "'key'", 1],
        ["FileNotFoundError", "[Errno 2] No such thing: 'file'", 1], ["Own", "mine", 1],
        ["UnicodeError", "€", 1], ["StopIteration", None, 1], ["Args", "x", 1],
    ])
    ctx.equal(got[-2:], [["message", "stack_trace", "type"], True])


@for_backends()
def test_locals_can_be_left_out(ctx):
    got = answer(ctx, """
def f(x):
    y = [x]
    return x
def g(x):
    yield x
    raise KeyError(x)
back = Kind(capture_locals=False, capture_lines=Kind is not b.FrameBackend, **MAIN)
with back:
    f(3)
    try:
        list(g(4))
    except KeyError:
        pass
events = back.get_events()
say([[e.locals for e in events if e.locals], sorted({e.event_type for e in events} - {'line'}),
     [e.return_value for e in events if e.event_type in ('return', 'yield')]])
""")
    ctx.equal(got, [[], ["call", "exception", "resume", "return", "unwind", "yield"], [3, 4]])
