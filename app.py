"""Opens the page: `uv run app.py`, or `python app.py --host ...`; the same as `wirecheck app`."""

import os
import sys

from web.commands import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A library that is still loading in a thread would abort the interpreter's own end.
    os._exit(code)
