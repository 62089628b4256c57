"""Fault campaigns: an index that is killed, damaged, starved of disk, raced and unplugged.

    uv run python -m tests.faults            # a seeded slice of each, about a minute
    uv run python -m tests.faults --full     # all of it

In reading order: `tally` (what a campaign counts), `corpus` (articles whose right answers are
known, and what an index turns out to hold), `command` (the real command in a child that may die),
then one file for each campaign: `kills`, `damage`, `disk`, `readers`, `power`, `writers`.

Whatever decides an outcome is an `if` and a `Tally.fail`, never an `assert`, so that `python -O`
changes nothing. The index is only looked at as its users do, through `open_index`; which files a
generation has is read from the disk.
"""
