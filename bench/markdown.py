# SPDX-License-Identifier: MIT
"""Tables in Markdown: the first column is text, the others are numbers."""


def row(cells):
    return "| " + " | ".join(cells) + " |"


def head(cells):
    return row(cells) + "\n" + row(["---"] + ["---:"] * (len(cells) - 1))
