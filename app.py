"""Opens the page: `uv run app.py`, or `python app.py --host ...`; the same as `wirecheck app`."""

import sys

from web.commands import main

if __name__ == "__main__":
    sys.exit(main())
