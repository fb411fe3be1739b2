# SPDX-License-Identifier: MIT
"""This exercises: the sums of `report`, for any window and against the events."""

from harness import lines_of_json, run_text, same, test


@test
def report_adds_up():
    rows = {r["qualname"]: r for r in lines_of_json(
        run_text(["report", "--json", "shop.crumb"])[1]) if r["module"] != "shop.tools"}
    sell, items, fib = rows["Shop.sell"], rows["Shop.items"], rows["fib"]
    same([sell[k] for k in ("calls", "total_ns", "self_ns", "min_ns", "max_ns", "mean_ns")],
         [3, 1300000 + 3000000 + 1000, 1285000 + 3000000 - 753 + 1000, 1000, 3000000,
          (1300000 + 3000000 + 1000) // 3])
    # a generator: one call, two stretches
    same([items[k] for k in ("calls", "activations", "total_ns", "mean_ns")],
         [1, 2, 14000, 7000])
    # a recursion: the outermost call alone is the total
    same([fib[k] for k in ("calls", "total_ns", "self_ns")], [9, 2250, 2250])
    total = sum(r["self_ns"] for r in rows.values())
    by_module = lines_of_json(run_text(["report", "--by=module", "--json", "shop.crumb"])[1])
    by_thread = lines_of_json(run_text(["report", "--by=thread", "--json", "shop.crumb"])[1])
    same(sum(r["self_ns"] for r in by_module), sum(r["self_ns"] for r in by_thread))
    same(sum(r["self_ns"] for r in by_module), total + 300000)
    same(by_thread[0]["total_ns"], 55 * 10**6)


@test
def report_agrees_with_the_events():
    """Adds up calls and times from the events, in another way than the command does."""
    for name in ("family", "deep.crumb", "lines.crumb"):
        calls, total, own, stacks = {}, {}, {}, {}
        for event in lines_of_json(run_text(["dump", "--json", name])[1]):
            key = (event["module"], event["qualname"])
            stack = stacks.setdefault((event["pid"], event["thread_id"]), [])
            if event["event_type"] in ("call", "resume"):
                same(event["depth"], len(stack), "depth")
                calls[key] = calls.get(key, 0) + (event["event_type"] == "call")
                stack.append(key)
            elif event["event_type"] in ("return", "yield", "unwind"):
                same(stack.pop(), key)
                own[key] = own.get(key, 0) + event["self_ns"]
                if key not in stack:
                    total[key] = total.get(key, 0) + event["duration_ns"]
        rows = lines_of_json(run_text(["report", "--json", name])[1])
        for row in rows:
            key = (row["module"], row["qualname"])
            same(row["calls"], calls[key])
            if row["partial"] == 0:
                same((key, row["total_ns"], row["self_ns"]), (key, total[key], own[key]))
        same(len(rows), len(calls))


@test
def windows_of_a_report_add_up_to_the_whole():
    def self_times(*window):
        rows = lines_of_json(run_text(["report", "--json", "shop.crumb"] + list(window))[1])
        return {(r["module"], r["qualname"]): r["self_ns"] for r in rows}

    whole = self_times()
    parts = {}
    edges = ["0", "615us", "1.9ms", "3.01ms", "15ms", "17.9ms", "60ms"]
    for start, end in zip(edges, edges[1:]):
        for key, ns in self_times("--from", start, "--to", end).items():
            parts[key] = parts.get(key, 0) + ns
    same({k: v for k, v in parts.items() if v}, whole)
