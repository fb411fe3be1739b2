# SPDX-License-Identifier: MIT
"""This exercises: --json, the fields of events and any name in them."""

import re

from harness import lines_of_json, run, run_text, same, test

FIELDS = ["event_type", "timestamp", "pid", "thread_id", "native_id", "thread_name",
          "function_name", "qualname", "module", "filename", "line_number", "depth"]


def exceptions_of(events):
    return [e for e in events if e["event_type"] == "exception"]


def traces_of(arguments):
    """The stack traces of the exceptions that are shown."""
    events = exceptions_of(lines_of_json(run_text(["dump", "--json"] + arguments)[1]))
    return [e["exception"]["stack_trace"] for e in events]


@test
def json_events_have_the_promised_fields():
    events = lines_of_json(run_text(["dump", "--json", "shop.crumb"])[1])
    same(len(events), 57)
    for event in events:
        same(list(event)[:len(FIELDS)], FIELDS)
        extra = set(event) - set(FIELDS)
        assert extra <= {"duration_ns", "self_ns", "exception", "lost"}, extra
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", event["timestamp"])
        same("exception" in event, event["event_type"] == "exception")
        if event["event_type"] in ("call", "line", "exception"):
            assert event["line_number"] > 0
        if event["event_type"] == "exception":
            same(sorted(event["exception"]), ["message", "stack_trace", "type"])
    raised = exceptions_of(events)
    same([(e["exception"]["type"], e["line_number"], e["qualname"]) for e in raised],
         [("ValueError", 42, "Shop.weigh"), ("ValueError", 33, "Shop.sell"),
          ("shop.NoStock", 35, "Shop.sell"), ("shop.NoStock", 13, "Shop.open"),
          ("shop.NoStock", 7, "<module>")])
    same([e["timestamp"] for e in events], sorted(e["timestamp"] for e in events))
    ends = {e["qualname"]: e for e in events if e["event_type"] in ("return", "unwind")}
    same((ends["Shop.open"]["duration_ns"], ends["<module>"]["duration_ns"]),
         (18600000, 49998000))


@test
def json_stack_trace_is_the_way_that_an_exception_has_come():
    weigh = 'File "/srv/shop/shop.py", line 42, in Shop.weigh'
    sell = 'File "/srv/shop/shop.py", line 35, in Shop.sell'
    opened = 'File "/srv/shop/shop.py", line 13, in Shop.open'
    module = 'File "/srv/shop/app.py", line 7, in <module>'
    traces = [[weigh], ['File "/srv/shop/shop.py", line 33, in Shop.sell', weigh],
              [sell], [opened, sell], [module, opened, sell]]
    same(traces_of(["shop.crumb"]), traces)
    # What is chosen says which events are shown, not what they have in them.
    same(traces_of(["-e", "exception", "shop.crumb"]), traces)
    same(traces_of(["-f", "<module>", "shop.crumb"]), traces[4:])
    same(traces_of(["-m", "shop", "-t", "1", "--from", "18ms", "shop.crumb"]), traces[3:4])


@test
def json_stack_trace_of_a_long_way_has_no_middle():
    dig = 'File "/srv/shop.py", line 12, in Mine.dig'
    bottom = 'File "/srv/shop.py", line 14, in Mine.dig'
    traces = traces_of(["-t1", "flights.crumb"])
    for i in range(100):
        same(traces[i], [dig] * i + [bottom])
    for i in range(100, 150):
        same(traces[i], [dig] * 50 + ["[%d more frames]" % (i - 99)] + [dig] * 49 + [bottom])
    same(traces[150], ['File "/srv/app.py", line 3, in main'] + [dig] * 49 + ["[51 more frames]"]
         + [dig] * 49 + [bottom])


@test
def json_stack_trace_says_what_is_known():
    main, dig = 'File "/srv/app.py", line %d, in main', 'File "/srv/shop.py", line %d, in Mine.dig'
    way = ['File "?", in ?', 'File "?", line 2, in ?']
    same(traces_of(["-t1", "--from", "10us", "flights.crumb"]),
         [[main % 5], way[1:], way, [dig % 13] + way, [dig % 15], [main % 6]])
    same(traces_of(["-t2", "flights.crumb"]), [[main % 8], [dig % 11], [main % 9]])


@test
def json_marks_have_their_text_and_depth():
    events = lines_of_json(run_text(["dump", "--json", "-t1", "-e", "mark", "marks.crumb"])[1])
    for event in events:
        same(list(event), FIELDS + ["text"])
        same([event[key] for key in FIELDS[6:11]], [None] * 5)
    same([e["depth"] for e in events], [0, 1, 2, 3, 2, 2, 1, 1, 0])
    same(events[1]["text"], "order 17")
    same(events[6]["text"], "\x1b[31mred\n\"quote\\ \ufffd \ufffdNUL \u202ecaf\xe9")
    same(events[7]["text"], "")


@test
def json_is_valid_whatever_the_names():
    for arguments in (["dump"], ["info"], ["report"], ["report", "--by", "thread"],
                      ["report", "--by", "module"]):
        out = run(arguments + ["--json", "names.crumb"]).stdout
        objects = lines_of_json(out.decode("utf-8"))
        assert objects
    names = {e["qualname"] for e in lines_of_json(
        run_text(["dump", "--json", "names.crumb"])[1])}
    assert 'quote"back\\slash' in names
    assert "not\ufffd\ufffdutf8\ufffd" in names
    assert "line\nfeed\ttab" in names
    assert None in names, "an empty name is null"
    assert "x" * 3000 in names
