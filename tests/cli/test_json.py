# SPDX-License-Identifier: MIT
"""This exercises: --json, the fields of events and any name in them."""

import re

from harness import lines_of_json, run, run_text, same, test

FIELDS = ["event_type", "timestamp", "pid", "thread_id", "native_id", "thread_name",
          "function_name", "qualname", "module", "filename", "line_number", "depth"]


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
    raised = [e for e in events if e["event_type"] == "exception"]
    same([(e["exception"]["type"], e["line_number"], e["qualname"]) for e in raised],
         [("ValueError", 42, "Shop.weigh"), ("ValueError", 33, "Shop.sell"),
          ("shop.NoStock", 35, "Shop.sell"), ("shop.NoStock", 13, "Shop.open"),
          ("shop.NoStock", 7, "<module>")])
    same([e["timestamp"] for e in events], sorted(e["timestamp"] for e in events))
    ends = {e["qualname"]: e for e in events if e["event_type"] in ("return", "unwind")}
    same((ends["Shop.open"]["duration_ns"], ends["<module>"]["duration_ns"]),
         (18600000, 49998000))


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
