"""Templates: what they print is escaped, and what they don't know is an error."""

import pytest
from jinja2 import DictLoader, UndefinedError

from rag import markup


def made(source: str, folded: bool = False, **values: object) -> str:
    templates = markup.environment("rag", folded=folded).overlay(loader=DictLoader({"t": source}))
    return templates.get_template("t").render(**values)


def test_what_is_printed_is_escaped_once_and_markup_of_ours_is_not() -> None:
    source = '{% macro b(x) %}<b>{{ x }}</b>{% endmacro %}<p title="{{ x }}">{{ b(x) }}</p>'
    assert made(source, x="<'\">&") == (
        '<p title="&lt;&#x27;&quot;&gt;&amp;"><b>&lt;&#x27;&quot;&gt;&amp;</b></p>'
    )
    assert made("{{ 'a' ~ x }}{{ [x]|join }}{{ n }}", x="<", n=3) == "a&lt;&lt;3"


def test_what_would_not_be_seen_is_shown() -> None:
    assert made("{{ x }}", x="a\u202eb\0\ud800") == "a\ufffdb\ufffd\ufffd"


def test_what_a_template_does_not_know_is_an_error() -> None:
    for source in ("{{ x }}", "{{ y.z }}", "{% if x %}{% endif %}"):
        with pytest.raises(UndefinedError):
            made(source, y=object())


def test_a_folded_template_has_no_space_that_was_not_written() -> None:
    source = '<ul\n  id="x"\n  class="y">\n  {% for a in \'ab\' %}\n  <li>{{ a }} </li>\n{% endfor %}\n</ul>\n'
    assert made(source, True) == '<ul id="x" class="y"><li>a </li><li>b </li></ul>'
    assert made("two\n  words", True) == "two words"
    assert made("{{ x }}", True, x="a\n <") == "a\n &lt;"
