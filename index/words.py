"""Words of a text as the keyword index and the checks compare them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD = re.compile(r"\d+(?:[.,:]\d+)*%?|[^\W_]+(?:-\d[\w]*)?", re.UNICODE)

_ACCENT = re.compile(r"[\u0300-\u036f]")
# Letters that one leaves out or writes plainly, and that do not decompose.
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"})

STOP_WORDS = frozenset(
    """a about above after again all also although am an and any are as at be
because been before being below between both but by can could did do does doing down during each
either else ever few for from further had has have having he her here hers herself him himself his
how i if in into is it its itself just many may me might more most much must my myself neither no
nor not now of off on once only or other our ours ourselves out over own same shall she should so
some such than that the their theirs them themselves then there these they this those though
through to too under until up upon us very was we were what when where whether which while who
whom whose why will with within without would yet you your yours yourself s t d ll re ve""".split()
)


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import Stemmer  # type: ignore[import-not-found]

    return Stemmer.Stemmer("english")


def words(text: str) -> list[str]:
    """Lower-case words in order; numbers ("10,022", "2.5") and codes ("f-16") are kept whole.

    Of Chinese and Japanese, which leave no spaces, every two neighbouring signs are a word.
    """
    plain = text.lower().replace("’", "'").replace("'s", " ")
    return _WORD.findall(_UNSPACED.sub(_in_pairs, plain))


def unaccented(text: str) -> str:
    """The text with plain letters for those with accents: "Elâzığ" -> "Elazig"."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", text)).translate(_PLAIN)


def length_in_words(text: str) -> int:
    """How long a text is, in words as they are written; two signs that need no spaces are one."""
    return len(text.split()) + sum(map(len, _UNSPACED.findall(text))) // 2


def _in_pairs(run: re.Match[str]) -> str:
    signs = run[0]
    return f" {' '.join(signs[n : n + 2] for n in range(max(1, len(signs) - 1)))} "


def stems(text: str) -> list[str]:
    """Snowball stems (Porter 1980; English stemmer of the Snowball project) of the content words.

    "The ferries' crews protested" -> ["ferri", "crew", "protest"]
    """
    kept = [w for w in words(text) if w not in STOP_WORDS]
    return list(_stemmer().stemWords(kept))
