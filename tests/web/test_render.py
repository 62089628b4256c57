"""What a browser would change in a text is sent so that it does not."""

import pytest

from web.render import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\rb", "a&#13;b"), ("\0", "\ufffd"), ("\ud800", "?"), ("é\N{FERRY}", "é\N{FERRY}")],
)
def test_what_a_browser_would_change_is_sent_so_that_it_does_not(text: str, shown: str) -> None:
    assert escape(text) == shown
