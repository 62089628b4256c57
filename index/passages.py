"""From an article to passages: whole sentences, packed up to what the encoder can read."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from .encoder import Encoder
from .errors import SettingError
from .language import sentence_spans
from .records import CUT, Article, Passage

# Raise it with every change that makes other passages, embedded texts or keywords of an article.
RECIPE = 3

# A tokenizer may take a run of any length for one unknown word; it counts as one token for each
# hundred characters.
_MAX_TOKEN_CHARS = 100


@dataclass(frozen=True)
class _Unit:
    """A sentence, or a part of a long one, with the white space after it; `tokens` of its own."""

    start: int
    end: int
    tokens: int


def split_passages(article: Article, encoder: Encoder) -> list[Passage]:
    """Split an article into passages, in order of their spans.

    - Each holds at most `encoder.max_tokens` tokens, special ones included, by the encoder's own
      tokenizer on the passage's text; room is left for the title where `embedded_text` adds it.
    - Every character lies in at least one. White space between sentences belongs to the passage
      before it.
    - Each begins with the last sentence of the one before, if that is short.
    - Starts and ends both increase strictly. No text, no passages.

    Raises SettingError if the encoder's limit is too small for one character.
    """
    text = article.text
    room = _room(encoder)
    later = room - _title_tokens(article, encoder)
    units = _units(text, encoder, later)
    spans: list[tuple[int, int]] = []
    first = 0
    while first < len(units):
        last = _last_fitting(units, first, text, encoder, later if spans else room)
        if spans and units[last].end <= spans[-1][1]:
            first += 1  # the sentence taken over left no room for a new one
            continue
        spans.append((units[first].start, units[last].end))
        first = last if _is_overlap(units, first, last, later) else last + 1
    return [Passage(article, start, end) for start, end in spans]


def embedded_text(passage: Passage, encoder: Encoder) -> str:
    """Return what is embedded of a passage: its text, under the article's title if that fits.

    Raises SettingError if the passage is over the encoder's limit: its end would be lost.
    """
    titled = titled_text(passage)
    if _count(titled, encoder) <= _room(encoder):
        return titled
    if _count(passage.text, encoder) > _room(encoder):
        raise SettingError(
            f"passage {passage.article.id}[{passage.start}:{passage.end}] is over the encoder's "
            f"{encoder.max_tokens} tokens"
        )
    return passage.text


def titled_text(passage: Passage) -> str:
    """Return a passage's text, under the article's title where the text does not say it."""
    title = passage.article.title
    return passage.text if _said(title) in passage.text else f"{title}\n{passage.text}"


def keyword_text(passage: Passage) -> str:
    """Return the text whose words find a passage: outlet, the title's words twice, its text.

    A title that is only the first words of a long line is no headline, and counts for nothing.
    """
    article = passage.article
    times = 0 if _said(article.title) != article.title else 2 - (article.title in passage.text)
    return "\n".join([*filter(None, [article.outlet]), *[article.title] * times, passage.text])


def made_of(article: Article) -> tuple[str | None, ...]:
    """All of an article that its passages, their embedded texts and their keywords depend on."""
    return article.title, article.text, article.outlet


def _said(title: str) -> str:
    """A title without the mark that `articles` puts where it cut one."""
    return title.removesuffix(f" {CUT}")


def _room(encoder: Encoder) -> int:
    room = encoder.max_tokens - encoder.special_tokens
    if room < 1:
        raise SettingError(f"an encoder of {encoder.max_tokens} tokens has no room for text")
    return room


def _title_tokens(article: Article, encoder: Encoder) -> int:
    """Tokens to keep free for the title; a title that is long for the encoder gets none."""
    tokens = _count(article.title + "\n", encoder)
    return tokens if tokens <= _room(encoder) // 4 else 0


def _count(text: str, encoder: Encoder) -> int:
    return len(encoder.token_offsets(text))


def _is_overlap(units: list[_Unit], first: int, last: int, room: int) -> bool:
    """Whether the next passage begins with unit `last`, which ends this one."""
    if last == first or last + 1 == len(units):
        return False
    repeated = units[last].tokens
    return repeated <= room // 4 and repeated + units[last + 1].tokens <= room


def _last_fitting(units: list[_Unit], first: int, text: str, encoder: Encoder, room: int) -> int:
    last, tokens = first, units[first].tokens
    while last + 1 < len(units) and tokens + units[last + 1].tokens <= room:
        last += 1
        tokens += units[last].tokens
    # Tokens of a whole need not be those of its parts together, so the whole is what counts.
    while last > first and _weight(text[units[first].start : units[last].end], encoder) > room:
        last -= 1
    return last


def _units(text: str, encoder: Encoder, room: int) -> list[_Unit]:
    starts = [start for start, _ in sentence_spans(text)][1:]
    ends = [*starts, len(text)] if text else []
    units: list[_Unit] = []
    for start, end in zip([0, *starts], ends, strict=False):
        sentence = text[start:end]
        tokens = _token_starts(sentence, encoder)
        if len(tokens) <= room:
            units.append(_Unit(start, end, len(tokens)))
        else:
            units.extend(_parts(sentence, start, tokens, encoder, room))
    return units


def _weight(text: str, encoder: Encoder) -> int:
    return len(_token_starts(text, encoder))


def _token_starts(text: str, encoder: Encoder) -> list[int]:
    return [
        at
        for start, end in encoder.token_offsets(text)
        for at in range(start, max(end, start + 1), _MAX_TOKEN_CHARS)
    ]


def _parts(
    sentence: str, offset: int, tokens: list[int], encoder: Encoder, room: int
) -> list[_Unit]:
    """Cut a sentence that is over the limit between tokens, at white space where there is some."""
    units = []
    start = 0
    while start < len(sentence):
        beyond = bisect_left(tokens, start) + room
        # Several tokens can stand at one character: never an empty part.
        end = max(tokens[beyond], start + 1) if beyond < len(tokens) else len(sentence)
        if end < len(sentence):
            end = _at_white_space(sentence, start, end)
        end, count = _shrunk(sentence, start, end, tokens, encoder, room)
        units.append(_Unit(offset + start, offset + end, count))
        start = end
    return units


def _at_white_space(sentence: str, start: int, end: int) -> int:
    words = sentence[(start + end) // 2 : end].split()
    whole = end - len(words[-1]) if words and not sentence[end - 1].isspace() else end
    return whole if len(words) > 1 else end


def _shrunk(
    sentence: str, start: int, end: int, tokens: list[int], encoder: Encoder, room: int
) -> tuple[int, int]:
    """Move `end` back until the part fits: cut inside a word, it may have more tokens."""
    while (count := _weight(sentence[start:end], encoder)) > room:
        if end - start == 1:
            raise SettingError(f"an encoder of {encoder.max_tokens} tokens can't hold a character")
        before = tokens[max(bisect_left(tokens, end) - (count - room), 0)]
        end = before if start < before < end else start + (end - start) // 2
    return end, count
