"""Everything that Wirecheck raises; the text of each is one line: what is wrong, where, the mend.

Declining to answer is an outcome, not an exception. A single bad article file is a `Skipped` row.
"""

from __future__ import annotations


class WirecheckError(Exception):
    """Base of all; `str()` of it is one line fit for a user."""


class QuestionError(WirecheckError):
    """The question is empty, too long, or not text."""


class ArticleError(WirecheckError):
    """A path given as articles can't be read at all."""


class SettingError(WirecheckError):
    """A setting, an option or a gold file can't be used as given."""


class IndexProblem(WirecheckError):
    """An index can't be used."""


class IndexMissing(IndexProblem):
    """No index is there."""


class IndexCorrupt(IndexProblem):
    """A file of the index is damaged, lost or not its own."""


class IndexMismatch(IndexProblem):
    """Another encoder, or another format, made the index."""


class IndexOutdated(IndexMismatch):
    """An older version of this program made the index; it is to be made anew."""


class IndexBusy(IndexProblem):
    """Another process is writing the index."""


class IndexWriteError(IndexProblem):
    """The index could not be written; the one before still serves."""


class IndexUnreachable(IndexProblem):
    """The engine that holds the index does not answer, or lets nobody in."""


class ModelError(WirecheckError):
    """A language model can't be used."""


class ModelUnknown(ModelError):
    """No such model, or no such provider."""


class ModelKeyMissing(ModelError):
    """The provider wants a key that isn't set, or refuses the one that is."""


class ModelUnreachable(ModelError):
    """No reply: refused, timed out, overloaded."""


class ModelReplyError(ModelError):
    """A reply came that can't be used: empty, cut off, refused."""


def one_line(error: BaseException) -> str:
    """The kind of an error, and the first line of its text."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"[:300]
