"""Which language a text is in, as far as its script and its commonest words say."""

from __future__ import annotations

import re
from collections import Counter

#: Languages that are told apart, by their code.
NAMES = {
    "en": "English",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "ja": "Japanese",
    "zh": "Chinese",
    "ko": "Korean",
    "ar": "Arabic",
    "ru": "Russian, or another in Cyrillic",
    "el": "Greek",
    "he": "Hebrew",
    "hi": "Hindi",
    "th": "Thai",
}
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
# Words that stand in most sentences of a language and seldom in those of the others.
_WORDS = {
    "en": "the of and to was is for that with on said by at from were how who when what did which "
    "in it",
    "de": "der die das und ist nicht von mit den dem im auf für ein eine einer wurde wie sich des "
    "zu am bei nach wer wann wo viele hat haben sind war",
    "es": "el la los las del y que en un una por con se fue cuántos cuántas cuánto quién dónde "
    "cuándo su al según más para como",
    "fr": "le la les des du et un une est dans pour sur au aux qui que combien où quand par avec "
    "selon ont été il elle ce",
    "it": "il lo gli della del di che e un una per con è nel alla sono quanti quante chi dove "
    "quando quanto dei delle ha",
    "pt": "o os as do da dos das e que em um uma para com foi no na não quantos quantas quem onde "
    "quando ao pelo segundo",
    "nl": "de het een van en is niet met op voor zijn dat hoeveel wie waar wanneer werd aan "
    "door bij",
}
_OF = {code: frozenset(said.split()) for code, said in _WORDS.items()}
_LOOKED_AT = 4_000
#: The least share of a text's words that are its language's commonest; a text of a script is in it
#: from this share of its letters on.
_LEAST, _LEAST_OF_SCRIPT = 0.08, 0.2


def is_common(word: str, language: str) -> bool:
    """Whether a word is one of its language's commonest."""
    return word.lower() in _OF.get(language, ())


def language_of(text: str) -> str:
    """The code of a text's language, one of `NAMES`; "" where nothing tells."""
    head = text[:_LOOKED_AT]
    letters = sum(c.isalpha() for c in head) or 1
    for code, script in _SCRIPTS:
        if len(script.findall(head)) >= _LEAST_OF_SCRIPT * letters:
            return code
    said = Counter(re.findall(r"[^\W\d_]+", head.lower()))
    shares = {code: sum(said[w] for w in words) for code, words in _OF.items()}
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] >= max(1, _LEAST * said.total()) else ""
