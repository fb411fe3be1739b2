# SPDX-License-Identifier: MIT
"""What is printed of the outcomes of tests."""

import sys


class Report:
    """Counts outcomes, prints failures as they come and the table at the end."""

    def __init__(self, setup, verbose):
        self.setup = setup
        self.verbose = verbose
        self.rows = {}
        self.skips = {}
        self.failures = []

    def __call__(self, job, outcome, text, seconds):
        row = self.rows.setdefault(
            None if job.once else job.interpreter, dict(passed=0, failed=0, skipped=0)
        )
        row[outcome] += 1
        if outcome == "skipped":
            self.skips.setdefault((job.name.split(":")[0], text), []).append(job)
        if outcome == "failed":
            self.failures.append((job, text.strip().split("\n")[0]))
            indented = "\n".join("    " + line for line in text.rstrip().splitlines())
            print(f"FAIL {job.title()}\n{indented}\n    repeat: {job.repeat(self.setup)}")
        elif self.verbose:
            print(f"{'ok  ' if outcome == 'passed' else 'skip'} {job.title()}  {seconds:.2f} s")
        sys.stdout.flush()

    def total(self, outcome):
        return sum(row[outcome] for row in self.rows.values())

    def table(self):
        head = ("interpreter", "version", "linkage", "build", "run", "passed", "failed", "skipped")
        lines = [head]
        for interpreter, row in self.rows.items():
            counts = (row["passed"], row["failed"], row["skipped"])
            if interpreter is None:
                facts = ("(tests without a matrix)", "", "", "")
            else:
                i = interpreter
                facts = (i.path, i.version_text, i.linkage, i.build)
            lines.append((*facts, str(sum(counts)), *map(str, counts)))
        widths = [max(len(line[c]) for line in lines) for c in range(len(head))]
        for line in lines:
            cells = [
                text.rjust(width) if c > 3 else text.ljust(width)
                for c, (text, width) in enumerate(zip(line, widths))
            ]
            print("  ".join(cells).rstrip())

    def end(self):
        print()
        self.table()
        for (name, reason), jobs in sorted(self.skips.items()):
            where = sorted({j.interpreter.version_text for j in jobs})
            print(f"skipped {len(jobs)} × {name}: {reason} ({', '.join(where)})")
        for job, reason in self.failures:
            print(f"failed: {job.title()}: {reason}")
        print(
            f"{self.total('passed')} passed, {self.total('failed')} failed, "
            f"{self.total('skipped')} skipped"
        )
        return 1 if self.failures else 0
