# SPDX-License-Identifier: MIT
"""This exercises: values of arguments, variables, results and exceptions: that they are what the
program itself would print, that they are bounded, that secrets stay out of the file, and that no
code of the program runs for them."""

import json
import pathlib

from behave import Trace, read
from harness import Failure, for_backends, parametrize, short, timeout

LOCALS = {"BREADCRUMB_CAPTURE_LOCALS": "1"}
VALUES = {**LOCALS, "BREADCRUMB_CAPTURE_RETURNS": "1"}
MAIN = {"BREADCRUMB_INCLUDE": "__main__"}


def arguments(trace, function, name="x"):
    """The argument of each call."""
    return [e["locals"][name] for e in trace.select(event_type="call", function_name=function)]


# Of exactly built-in types: their text is that of repr().
SAME_AS_REPR = """\
import collections, datetime, decimal, json, pathlib, random, uuid
random.seed(1)
D = decimal.Decimal
utc = datetime.timezone.utc
STILL = [
    None, True, False, ..., NotImplemented, 0, 1, -1, 2**30 - 1, 2**30, -2**30, 2**31, 2**59,
    2**60 - 1, 2**60, -2**60, 2**61, 2**64, -2**100, 10**99, 1.5, -0.0, 1e300, 5e-324,
    float('nan'), float('inf'), -float('inf'), 1j, -1j, complex(1, 2), complex(-0.0, 1),
    complex(1, -0.0), '', 'abc', "a'b", 'a"b', "a'\\"b", 'a\\n\\t\\r\\\\\\x00\\x7f', '\\xe9',
    '\\x85\\xa0\\xad', '\\u20ac', '\\u200b\\u202e', '\\U0001f600', '\\ud800', 'a\\udcffb',
    '\\U000e0001', b'', b'a', b'a\\'"\\x00\\xff\\n', (), (1,), (1, (2, 3)), frozenset(),
    frozenset({1}), range(3), range(1, 3), range(1, 9, 2), range(9, 0, -1), slice(1),
    slice(1, 2, 3), datetime.date(2026, 1, 2), datetime.timedelta(), datetime.timedelta(1),
    datetime.timedelta(-1, 2, 3), datetime.timedelta(0, 0, 5), int, str, ValueError, D('0E+3'),
    D('NaN'), D('-sNaN'), D('-Infinity'), D('1E-7'), D('-0'), ValueError(), ValueError('x', 2),
    KeyError('k'), len, print,
]
STILL += [D((s, tuple(map(int, str(n))), e)) for e in range(-30, 30, 3) for s in (0, 1)
          for n in (0, 12, 10**18, 10**19 + 5, 123456789012345678901234567890)]
STILL += [random.getrandbits(random.randrange(1, 300)) * random.choice((1, -1)) for _ in range(200)]
STILL += [random.random() * 10 ** random.randrange(-300, 300) for _ in range(200)]
STILL += list(map(chr, range(0, 0x110000, 4441)))
MOVING = [
    [], [1], [1, 2, [3, [4]]], {}, {1: 2}, {'a': 1, 'b': []}, set(), {1}, bytearray(b''),
    bytearray(b'abc\\x80'), collections.deque(), collections.deque([1, 2]),
    collections.deque([1], maxlen=3), collections.defaultdict(int, {'a': 1}),
    datetime.datetime(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
    datetime.datetime(2026, 1, 2, 3, 4, 0, 6, tzinfo=utc), datetime.datetime(2026, 1, 2, 3, fold=1),
    datetime.time(1), datetime.time(1, 2, 3, 4, tzinfo=utc), utc,
    datetime.timezone(datetime.timedelta(hours=1), 'X'), uuid.UUID(int=2**100 + 7),
    pathlib.PurePosixPath('/a/b'), pathlib.PosixPath('x'), pathlib.Path('/a') / 'b',
    pathlib.Path('a', 'b', '/c', 'd'),
    # Dicts that were changed, of each size of their tables.
    dict.fromkeys('ab'), {i: str(i) for i in range(8)},
]
for size in (5, 9, 300):
    d = {i: i for i in range(size)}
    for i in range(size - 3):
        del d[i]
    MOVING.append(d)
left = collections.deque(range(200))
for _ in range(195):
    left.popleft()
MOVING.append(left)
"""
EACH = """\
def f(x):
    return x
for value in VALUES:
    f(value)
    print(json.dumps(repr(value)))
"""


@short()
@for_backends()
def test_values_are_what_repr_says(ctx):
    values = "VALUES = STILL\n" if ctx.free_threaded else "VALUES = STILL + MOVING\n"
    env = {**VALUES, **MAIN, "BREADCRUMB_VALUE_DEPTH": "4"}
    result = ctx.same_behaviour(SAME_AS_REPR + values + EACH, env=env)
    expected = [json.loads(line) for line in result.stdout.splitlines()]
    trace = read(ctx, result)
    ctx.equal(arguments(trace, "f"), expected, "arguments")
    results = [e["return_value"] for e in trace.select(event_type="return", function_name="f")]
    ctx.equal(results, expected, "results")


OBJECTS = '''\
import collections, dataclasses, enum, json, sys
class Plain: pass
class Slots:
    __slots__ = ('b', 'a', '__weakref__')
class Both(Slots): pass
@dataclasses.dataclass
class User:
    id: int
    name: str
class Color(enum.Enum): RED = 1
class Flag(enum.IntFlag): A = 1; B = 2
class MyList(list): pass
class MyInt(int): pass
class MyStr(str): pass
class MyTuple(tuple): pass
class MyDict(dict):
    def __len__(self): return 17
class MyError(Exception):
    def __str__(self): raise SystemExit('no')
Point = collections.namedtuple('Point', 'x y')
def gen(): yield 1
async def coroutine(): pass
p = Plain(); p.z = 1; p.a = 'x'
q = Plain(); q.a = 1; q.gone = 2; del q.gone; q.z = 3
s = Slots(); s.a = 1
b = Both(); b.a = 1; b.extra = 2
me = Plain(); me.me = me
many = Plain()
for i in range(40): setattr(many, 'a%02d' % i, i)
swapped = Plain(); swapped.x = 1; swapped.__dict__ = {'y': 2}
inner = MyList([1]); inner.note = 5
cycle = []; cycle.append(cycle)
loop = {}; loop['me'] = loop
c = coroutine(); c.close()
print(len('x'))
def f(x): pass
EXPECTED = [
    (p, "<__main__.Plain z=1 a='x'>"), (q, '<__main__.Plain a=1 z=3>'), (s, '<__main__.Slots a=1>'),
    (b, '<__main__.Both extra=2 a=1>'), (me, '<__main__.Plain me=<__main__.Plain ...>>'),
    (many, '<__main__.Plain ' + ' '.join('a%02d=%d' % (i, i) for i in range(10)) + ' \\u2026 30 more>'),
    (swapped, '<__main__.Plain y=2>'), (User(7, 'x'), "<__main__.User id=7 name='x'>"),
    (Color.RED, '<Color.RED: 1>'), (Flag.A, '<Flag.A: 1>'), (inner, '<__main__.MyList [1] note=5>'),
    (MyInt(2**70), '<__main__.MyInt %d>' % 2**70), (MyStr('a'), "<__main__.MyStr 'a'>"),
    (MyTuple((1, 2)), '<__main__.MyTuple (1, 2)>'), (MyDict(a=1), "<__main__.MyDict {'a': 1}>"),
    (MyError('m', 1), "MyError('m', 1)"), (Point(1, 2), '<__main__.Point x=1 y=2>'),
    (cycle, '[[...]]'), (loop, "{'me': {...}}"), (gen, '<function __main__.gen>'),
    (gen(), '<generator gen>'), (c, '<coroutine coroutine>'), (sys, "<module 'sys'>"),
    (Plain, "<class '__main__.Plain'>"), (json.dumps, '<function json.dumps>'),
    ([[[1]]], '[[[\\u2026]]]'), (list(range(11)), '[' + ', '.join(map(str, range(10))) + ', \\u2026 1 more]'),
    ('x' * 201, "'" + 'x' * 200 + "'\\u2026 1 more"), (10**198, '1' + '0' * 198),
    (2**4096, '<int 0x100000000000\\u2026, 4097 bits>'),
    (-10**199, '<int -0x2171c159\\u2026, 662 bits>'),
]
for value, _ in EXPECTED:
    f(value)
json.dump([text for _, text in EXPECTED], open('expected.json', 'w'))
'''


@for_backends()
def test_objects_are_shown_by_what_is_in_them(ctx):
    if ctx.free_threaded:
        ctx.skip("in a free-threaded build no object is looked into")
    trace = read(ctx, ctx.same_behaviour(OBJECTS, env={**LOCALS, **MAIN}))
    expected = json.loads((ctx.tmp / "expected.json").read_text())
    ctx.equal(arguments(trace, "f"), expected)


def test_object_without_attributes_has_an_address(ctx):
    text = "class C: pass\nc = C()\ndef f(x): pass\nf(c)\nprint(hex(id(c)))\n"
    result = ctx.run(text, env={**LOCALS, **MAIN}).check(0)
    where = "C" if ctx.free_threaded else "__main__.C"
    ctx.equal(arguments(read(ctx, result), "f"), [f"<{where} at {result.stdout.strip()}>"])


# What a frame's variables are, as the interpreter itself says, at each event.
VARIABLES = '''\
import sys
def plain(a, b=2, *args, c, d=4, **kw):
    e = a + b
    del a
    return e
def closure(a, n):
    def inner(k):
        return a + k + n
    a += 1
    return inner(n)
def generator(n):
    for i in range(n):
        got = yield i
    return n
def positional(a, b, /, c):
    return (a, b, c)
class Shop:
    kind = 'shop'
    def __init__(self, n): self.n = n
    def method(self, k): return self.n + k
def raises(x):
    y = x + 1
    raise ValueError('bad', x)
def catches(z):
    try:
        raises(z)
    except ValueError as e:
        seen = 1
    return seen
def nothing(): pass
def comprehension(n):
    x = 5
    return [x * n for x in range(n)]
def main():
    plain(1, c=3)
    plain(1, 5, 6, 7, c=3, more=9)
    closure(3, 4)
    list(generator(2))
    positional(1, 2, 3)
    Shop(3).method(4)
    catches(6)
    nothing()
    comprehension(3)
'''
RECORD = '''
KINDS = {'call': 'call', 'line': 'line', 'return': 'return', 'exception': 'exception'}
seen, left, met = [], [], []
def show(values):
    return {k: repr(v) for k, v in values.items() if type(v) in (int, str, tuple)}
def arguments(frame):
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return {k: v for k, v in frame.f_locals.items() if k in code.co_varnames[:count]}
def trace(frame, event, arg):
    if frame.f_globals.get('__name__') != '__main__' or frame.f_code.co_name in ('<module>', 'Shop'):
        return trace
    if event == 'return' and arg is None and left and left[-1] is frame:
        return trace
    left[:] = [frame] if event == 'exception' else []
    if event != 'call':
        seen.append((event, frame.f_code.co_name, show(frame.f_locals)))
    elif not any(frame is f for f in met):  # else a generator goes on
        met.append(frame)
        seen.append((event, frame.f_code.co_name, show(arguments(frame))))
    return trace
sys.settrace(trace)
main()
sys.settrace(None)
import json
json.dump(seen, open('seen.json', 'w'))
'''


def shown(locals_):
    """Of the types that RECORD looks at."""
    simple = {}
    for name, text in locals_.items():
        if text.lstrip("-").isdigit() or text[0] in "'(":
            simple[name] = text
    return simple


@for_backends()
def test_variables_are_those_that_the_interpreter_shows(ctx):
    ctx.run(VARIABLES + RECORD, trace=False).check(0)
    recorded = json.loads((ctx.tmp / "seen.json").read_text())
    lines = ctx.backend != "frame"
    env = {**VALUES, **MAIN, "BREADCRUMB_CAPTURE_LINES": "1" if lines else "0"}
    trace = read(ctx, ctx.run(VARIABLES + "main()\n", env=env).check(0))
    names = {name for _, name, _ in recorded}
    # A yield is a return to a trace function; at a call there are the arguments alone.
    same = {"call": "call", "line": "line", "return": "return", "yield": "return",
            "exception": "exception"}
    got = [
        [same[e["event_type"]], e["function_name"], shown(e.get("locals", {}))]
        for e in trace.events
        if e["event_type"] in same and e["function_name"] in names
    ]
    if not lines:
        recorded = [r for r in recorded if r[0] != "line"]
    if ctx.backend == "frame":
        # Told where it leaves a function, not where it is handled.
        recorded = [r for r in recorded if r[:2] != ["exception", "catches"]]
    if ctx.free_threaded:
        # Cells are not looked into.
        got = [r for r in got if r[1] not in ("closure", "inner")]
        recorded = [r for r in recorded if r[1] not in ("closure", "inner")]
    # A comprehension is a function of its own up to 3.11; later its variable is seen in turn.
    got = [r for r in got if r[1] not in ("comprehension", "<listcomp>")]
    recorded = [r for r in recorded if r[1] not in ("comprehension", "<listcomp>")]
    ctx.equal(got, [list(r) for r in recorded])


@for_backends()
def test_results_are_told(ctx):
    text = (
        "def f(): return 3\ndef g():\n    yield 'a'\n    return 'b'\n"
        "def h(): raise KeyError('x')\ndef none(): pass\n"
        "f(), list(g()), none()\ntry: h()\nexcept KeyError: pass\n"
    )
    env = {**MAIN, "BREADCRUMB_CAPTURE_RETURNS": "1"}
    trace = read(ctx, ctx.same_behaviour(text, env=env))
    got = [(e["event_type"], e["function_name"], e.get("return_value"))
           for e in trace.events if e["event_type"] in ("return", "yield", "unwind")]
    ctx.equal(got, [("return", "f", "3"), ("yield", "g", "'a'"), ("return", "g", "'b'"),
                    ("return", "none", "None"), ("unwind", "h", None),
                    ("return", "<module>", "None")])
    for event in trace.events:
        if "locals" in event:
            raise Failure(f"variables were not asked for: {event}")


@short()
@for_backends()
def test_messages_of_exceptions_are_always_told(ctx):
    text = """\
class Own(Exception):
    def __str__(self):
        print('called'); return 'never'
CASES = [ValueError('plain'), ValueError(), ValueError(1), ValueError('a', 2), KeyError('key'),
         OSError(2, 'No such thing', 'file'), Own('mine'), UnicodeError('\\u20ac'), StopIteration(7)]
def f(e):
    raise e
for case in CASES:
    try:
        f(case)
    except Exception:
        pass
try:
    open('/no/such/file')
except OSError:
    pass
"""
    trace = read(ctx, ctx.same_behaviour(text, env=MAIN))
    got = [e["exception"]["message"] for e in trace.select(event_type="exception", function_name="f")]
    ctx.equal(got, ["plain", None, "1", "('a', 2)", "'key'", "[Errno 2] No such thing: 'file'",
                    "mine", "€", None])
    for event in trace.events:
        if "locals" in event or "return_value" in event:
            raise Failure(f"only messages were asked for: {event}")
    if ctx.backend != "frame":
        last = trace.select(event_type="exception", function_name="<module>")[-1]
        ctx.equal(last["exception"]["message"], "[Errno 2] No such file or directory: '/no/such/file'")


SECRETS = """\
import collections, dataclasses, enum
@dataclasses.dataclass
class User:
    id: int
    password: str
class Slots:
    __slots__ = ('api_key', 'x')
s = Slots(); s.api_key = 'SECRET-1'; s.x = 1
def login(name, password, *, dbToken=None, **options):
    secret_key = password
    message = 'in'
    return message
def seen(x):
    return x
login('ann', 'SECRET-2', dbToken='SECRET-3', user_cookie='SECRET-4')
class Login(collections.namedtuple('Login', 'user password')): __slots__ = ()
class Config(enum.Enum): API_KEY = 'SECRET-14'
for value in [User(1, 'SECRET-5'), s, {'Authorization': 'SECRET-6', 'a': {b'X-Api-Key': 'SECRET-7'}},
              'Bearer SECRET-8abcdef', ['-----BEGIN RSA PRIVATE KEY-----\\nSECRET-9'],
              'card 4111 1111 1111 1111', 4012888888881881, (b'Bearer SECRET-10abcdef',),
              Login('ann', 'SECRET-15'), Config.API_KEY, {Config.API_KEY: 'SECRET-16'},
              '4111 1111 1111 1111 12/27', '2024-01-02 4111111111111111', 'x-Bearer SECRET-17abcdef',
              'x' * 190 + ' Bearer SECRET-11' + 'y' * 100, '\\u20ac Bearer SECRET-12abc']:
    seen(value)
try:
    raise ValueError('refused: Bearer SECRET-13abcdef')
except ValueError:
    pass
"""


@short()
@for_backends()
def test_secrets_do_not_reach_the_file(ctx):
    env = {**VALUES, **MAIN}
    if ctx.backend != "frame":
        env["BREADCRUMB_CAPTURE_LINES"] = "1"
    result = ctx.same_behaviour(SECRETS, env=env)
    trace = read(ctx, result)
    raw = pathlib.Path(trace.path).read_bytes()
    for secret in (b"SECRET-", b"4111 1111", b"4111111111111111", b"4012888888881881"):
        at = raw.find(secret)
        if at >= 0:
            raise Failure(f"{raw[max(0, at - 60):at + 60]!r} is in the file")
    [call] = trace.select(event_type="call", function_name="login")
    hidden = "[redacted]"
    ctx.equal(call["locals"]["name"], "'ann'")
    ctx.equal([call["locals"][n] for n in ("password", "dbToken")], [hidden, hidden])
    [end] = trace.select(event_type="return", function_name="login")
    ctx.equal(end["locals"]["secret_key"], hidden)
    ctx.equal(end["return_value"], "'in'")
    if not ctx.free_threaded:
        shown_ = arguments(trace, "seen")
        ctx.equal(shown_[0], "<__main__.User id=1 password=[redacted]>")
        ctx.equal(shown_[1], "<__main__.Slots api_key=[redacted] x=1>")
        ctx.equal(shown_[2], "{'Authorization': [redacted], 'a': {b'X-Api-Key': [redacted]}}")


def test_values_in_themselves_take_little_stack(ctx):
    text = """\
import enum, threading
class A(enum.Enum): X = 1
class C(enum.Enum): Y = 1
A.X._value_ = C.Y; C.Y._value_ = A.X
chain = None
for i in range(8000): chain = slice(chain, None)
deep = ()
for i in range(8000): deep = (deep,)
def f(x): return 1
threading.stack_size(256 * 1024)
for value in (A.X, chain, deep):
    t = threading.Thread(target=f, args=(value,)); t.start(); t.join()
print('done')
"""
    result = ctx.same_behaviour(text, env={**LOCALS, **MAIN, "BREADCRUMB_EVENT_BYTES": "32768"})
    got = arguments(read(ctx, result), "f")
    if ctx.free_threaded:
        got[0] = "<A.X: <C.Y: <...>>>"
    ctx.equal(got, ["<A.X: <C.Y: <...>>>", "slice(slice(slice(…), None, None), None, None)",
                    "(((…),),)"])


def test_what_is_repeated_is_bounded_too(ctx):
    names = ", ".join(f"v{i:03}" for i in range(240))
    text = f"def f(x):\n    {names} = [x] * 240\n    return 1\nfor i in range(50):\n    f('y' * 190)\n"
    trace = read(ctx, ctx.run(text, env={**LOCALS, **MAIN}).check(0))
    for event in trace.select(event_type="return", function_name="f"):
        size = sum(len(v) for v in event["locals"].values() if v)
        if not 4096 < size <= 4 * 4096 + 64 or "..." not in event["locals"]:
            raise Failure(f"{size} bytes in {len(event['locals'])} variables")


def test_many_and_long_names_of_variables_are_told(ctx):
    long_names = [f"a_very_long_name_of_a_variable_that_goes_on_and_on_{i:03}" for i in range(200)]
    text = (
        f"def f():\n    {' = '.join(long_names)} = 1\n    return 1\nf()\n"
        f"def g():\n    {' = '.join(f'v{i}' for i in range(300))} = 1\n    return 1\ng()\n"
    )
    trace = read(ctx, ctx.run(text, env={**LOCALS, **MAIN}).check(0))
    [f] = trace.select(event_type="return", function_name="f")
    ctx.equal(f["locals"], {name: "1" for name in long_names})
    [g] = trace.select(event_type="return", function_name="g")
    ctx.equal(list(g["locals"]), [f"v{i}" for i in range(250)] + ["..."])


@for_backends()
def test_message_of_a_missing_key_is_the_key(ctx):
    text = "def f(d): return d['missing']\ntry: f({})\nexcept KeyError: pass\n"
    trace = read(ctx, ctx.run(text, env=MAIN).check(0))
    got = [e["exception"]["message"] for e in trace.select(event_type="exception", function_name="f")]
    ctx.equal(got, ["'missing'"])


def test_words_that_are_redacted_can_be_chosen(ctx):
    text = "def f(pin, password): pass\nf('1234', 'open')\n"
    trace = read(ctx, ctx.run(text, env={**LOCALS, **MAIN, "BREADCRUMB_REDACT": "pin,puk"}))
    [call] = trace.select(event_type="call", function_name="f")
    ctx.equal(call["locals"], {"pin": "[redacted]", "password": "'open'"})


def test_bounds_can_be_chosen(ctx):
    text = "def f(x): pass\nf('abcdef')\nf((1, 2, 3, 4))\nf((1, (2, (3,))))\nf(b'abcdef')\n"
    env = {**LOCALS, **MAIN, "BREADCRUMB_VALUE_LENGTH": "3", "BREADCRUMB_VALUE_ITEMS": "2",
           "BREADCRUMB_VALUE_DEPTH": "2"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    ctx.equal(arguments(trace, "f"),
              ["'abc'… 3 more", "(1, 2, … 2 more)", "(1, (2, … 1 more))", "b'abc'… 3 more"])


def test_event_has_no_more_than_its_bytes(ctx):
    text = "def f(a, b, c): pass\nf('x' * 100, 'y' * 100, 1)\n"
    env = {**LOCALS, **MAIN, "BREADCRUMB_EVENT_BYTES": "64"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    [call] = trace.select(event_type="call", function_name="f")
    [cut] = [v for v in call["locals"].values() if v]
    if not (cut.startswith("'xxxx") and cut.endswith("…") and len(cut) < 64):
        raise Failure(f"not cut: {call['locals']}")
    ctx.equal(call["locals"].get("..."), None)
    ctx.equal("..." in call["locals"], True)


# Whatever is asked of these objects, they do harm.
HOSTILE = """\
import os, sys, time
def harm(*args, **kw):
    print('harm', args[:1]); os._exit(9)
NAMES = ['__repr__', '__str__', '__len__', '__iter__', '__getattr__', '__getattribute__', '__bool__',
         '__hash__', '__eq__', '__format__', '__sizeof__', '__dir__', '__getitem__', '__contains__',
         '__index__', '__int__', '__float__', '__bytes__', '__reduce__', '__reduce_ex__', '__del__',
         '__instancecheck__', '__class_getitem__', '__length_hint__', '__call__', '__next__']
def body(names=NAMES):
    members = {name: harm for name in names}
    members['prop'] = property(harm)
    return members
class Meta(type):
    def __getattribute__(self, name): harm()
    def __repr__(self): harm()
    def __instancecheck__(self, other): harm()
base = [n for n in NAMES if n not in ('__del__',)]
Evil = type('Evil', (), body(base))
evil = Evil()
EvilMeta = Meta('EvilMeta', (), {})
values = [evil, [evil], {'k': evil}, (evil,)]
for parent in (int, str, bytes, list, dict, tuple, set, frozenset, float, complex, bytearray, Exception):
    kind = type('Evil' + parent.__name__, (parent,), body(base))
    values.append(parent.__new__(kind))
class Lying(dict):
    def __len__(self): harm()
lying = Lying(); dict.__setitem__(lying, 'a', 1)
values += [lying, Meta.__call__(EvilMeta)]
class Lazy:
    def __init__(self): self.query = None
    def __getattr__(self, name): harm()
    @property
    def rows(self): harm()
values.append(Lazy())
class Deep: pass
deep = Deep(); at = deep
for i in range(100000):
    at.next = Deep(); at = at.next
values += [deep, list(range(10**6)), 'x' * 10**7, {i: i for i in range(10**5)}, 2**100000]
cycle = []; cycle += [cycle, {'c': cycle}]
values.append(cycle)
sparse = {i: 0 for i in range(10**5)}
for i in range(10**5 - 1):
    del sparse[i]
values += [sparse, set(range(10**5)), frozenset([])]
def f(x):
    y = x
    return y
for i in range(200):
    for value in values:
        f(value)
print('done', len(values))
sys.stdout.flush()
os._exit(0)
"""


@timeout(120)
@for_backends()
def test_no_code_of_the_program_runs(ctx):
    env = {**VALUES, **MAIN}
    result = ctx.same_behaviour(HOSTILE, env=env, timeout=60)
    trace = Trace(ctx, result.traces[0])
    ctx.equal(trace.count("harm"), 0, "calls of what does harm")
    ctx.equal(trace.lost, {}, "losses")


def test_values_of_every_thread_are_its_own(ctx):
    text = """\
import threading
def f(x, name):
    return x
def work(name):
    for i in range(2000):
        f(i, name)
threads = [threading.Thread(target=work, args=('the name of thread %d' % i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
    trace = read(ctx, ctx.same_behaviour(text, env={**VALUES, **MAIN}))
    seen = {}
    for event in trace.select(event_type="call", function_name="f"):
        seen.setdefault((event["native_id"], event["locals"]["name"]), []).append(
            int(event["locals"]["x"]))
    ctx.equal(sorted(seen.values()), [list(range(2000))] * 4)


def test_values_in_a_forked_child_are_there(ctx):
    text = """\
import os
def f(x): return x
f('before the fork, a long text'); f('before the fork, a long text')
pid = os.fork()
f('before the fork, a long text')
if pid: os.waitpid(pid, 0)
"""
    traces = read(ctx, ctx.same_behaviour(text, env={**VALUES, **MAIN}), 2)
    counts = sorted(len(arguments(t, "f")) for t in traces)
    ctx.equal(counts, [1, 3])
    for trace in traces:
        ctx.equal(set(arguments(trace, "f")), {"'before the fork, a long text'"})


def test_values_written_before_a_kill_are_there(ctx):
    text = """\
import os, signal
def f(x, name): pass
for i in range(5000):
    f(i, 'name %d of many' % (i % 50))
os.kill(os.getpid(), signal.SIGKILL)
"""
    result = ctx.run(text, env={**LOCALS, **MAIN})
    ctx.equal(result.returncode, -9)
    trace = read(ctx, result)
    ctx.equal(arguments(trace, "f"), [str(i) for i in range(5000)])
    ctx.equal(arguments(trace, "f", "name"), [f"'name {i % 50} of many'" for i in range(5000)])


@parametrize("option", ["--locals", "--returns"])
def test_record_asks_for_values(ctx, option):
    program = ctx.write("program.py", "def f(x): return x + 1\nf(41)\n")
    out = str(ctx.tmp / "a.crumb")
    ctx.command("record", option, "-o", out, "--", ctx.python, str(program)).check(0)
    tree = ctx.command("tree", out).check(0).stdout
    expected = "f(x=41)" if option == "--locals" else "f() → 42"
    if expected not in tree:
        raise Failure(f"no {expected!r} in:\n{tree}")


def test_reference_counts_and_garbage_stay(ctx):
    text = """\
import gc, sys, weakref
class C: pass
def f(x, *args, **kw):
    y = [x]
    return x
c = C(); c.a = {'k': [1, 2]}; d = weakref.ref(c)
for i in range(100):
    f(c, 1, 2, z=c)
print(sys.getrefcount(c), sys.getrefcount(c.a), gc.collect(), len(gc.get_referrers(c.a)))
x = C(); r = weakref.ref(x); f(x); del x
print(r())
"""
    ctx.same_behaviour(text, env={**VALUES, **MAIN})


EXCEPTIONS = """\
class E(Exception): pass
def deep(n):
    if n == 0:
        raise E('down here')
    deep(n - 1)
def cleanup():
    int('1')
def middle():
    try:
        deep(1)
    finally:
        cleanup()
def outer():
    try:
        middle()
    except E:
        return 1
def first():
    raise KeyError('k')
def second():
    try:
        first()
    except KeyError as e:
        raise ValueError('second') from e
def gen():
    yield 1
    raise E('gen')
outer()
try: second()
except ValueError: pass
try: list(gen())
except E: pass
deep(0)
"""


@for_backends()
def test_way_of_each_exception_is_shown(ctx):
    result = ctx.run(EXCEPTIONS, env={**LOCALS, **MAIN})
    ctx.equal(result.returncode, 1)
    shown_ = ctx.command("tree", "--exceptions", "--wide", result.traces[0]).check(0).stdout
    got = []
    for line in shown_.splitlines()[1:]:
        if line.startswith("    "):  # how, where and in which file
            got[-1].append(" ".join(line.split("  /")[0].split()))
        else:
            got.append([line.split("  ")[-1]])
    ctx.equal(got, [
        ["E: down here", "raised in deep(n=0)", "through deep(n=1)", "through middle()",
         "caught in outer()"],
        ["KeyError: 'k'", "raised in first()", "caught in second()"],
        ["ValueError: second", "raised in second()", "caught in <module>()"],
        ["E: gen", "raised in gen()", "caught in <module>()"],
        ["E: down here", "raised in deep(n=0)", "through <module>()",
         "not caught in what was recorded"],
    ])
