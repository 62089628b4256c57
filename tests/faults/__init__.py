"""Fault campaigns: what is kept on disk is killed, damaged, starved of room, raced and unplugged.

    uv run python -m tests.faults            # a seeded slice of each, about a minute
    uv run python -m tests.faults --full     # all of it

In reading order: `tally` (what a campaign counts), `corpus` (articles whose right answers are
known, and what an index turns out to hold), `child` (the real command in a process that may die),
then the campaigns: of an index `calls`, `damage`, `readers`, `power` and `writers`, of files of all
kinds `mixed`, of what is kept beside an index `kept`. The others are commands of their own.

Whatever decides an outcome is an `if` and a `Tally.fail`, never an `assert`. The index is only
looked at as its users do, through `open_index`; which files a generation has is read from the disk.
"""
