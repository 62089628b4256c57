"""Where an index is: in a folder, or in an engine that an address names.

.wirecheck/index                     a folder (`store`)
milvus+file:archive.db               milvus-lite, in a file of this machine (`milvus`)
milvus+http://host:19530/archive     Milvus, the index is called `archive`
milvus+https://host/archive          the same by TLS
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from .errors import SettingError

if TYPE_CHECKING:
    from .milvus.contents import MilvusGeneration
    from .store import Generation

_SCHEME = "milvus+"
_FILE = "milvus+file:"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_FORM = "it must be milvus+http://HOST:PORT/NAME, milvus+https://HOST/NAME or milvus+file:PATH.db"


@dataclass(frozen=True)
class Address:
    """An index in Milvus: where the engine is, and what the index is called in it.

    Of a file `uri` is its absolute path. `text` is as it was written, without a user or a password.
    """

    text: str
    uri: str
    name: str

    @property
    def file(self) -> Path | None:
        """The file of milvus-lite; None for a server."""
        return None if "://" in self.uri else Path(self.uri)

    def __str__(self) -> str:
        return self.text


Place: TypeAlias = "Path | Address"


def place_of(text: str | Path | Address) -> Place:
    """Read what `--index` was given: a folder, or an address.

    Raises SettingError if it begins as an address does and is none. A Path is a folder always: in
    it the two slashes of an address would be one.
    """
    if not isinstance(text, str) or not text.lower().startswith(_SCHEME):
        return Path(text) if isinstance(text, str) else text
    if text.lower().startswith(_FILE):
        path = text[len(_FILE) :]
        if not path.endswith(".db") or path == ".db":
            raise SettingError(f"{text!r} is no index: {_FORM}")
        return Address(text, str(Path(path).expanduser().absolute()), "wirecheck")
    try:
        parts = urlsplit(text[len(_SCHEME) :])
        host, port, name = parts.hostname, parts.port, parts.path.strip("/")
    except ValueError as error:
        raise SettingError(f"{_SCHEME}... is no index: {error}; {_FORM}") from error
    if parts.username or parts.password:
        raise SettingError("no password belongs in an index's address: set WIRECHECK_MILVUS_TOKEN")
    if parts.scheme not in ("http", "https") or not host or not _NAME.fullmatch(name):
        raise SettingError(f"{text!r} is no index: {_FORM}")
    bracketed = f"[{host}]" if ":" in host else host
    number = port or (443 if parts.scheme == "https" else 19530)
    return Address(text, f"{parts.scheme}://{bracketed}:{number}", name)


def read_index(place: Place) -> Generation | MilvusGeneration:
    """Read the generation that serves, wherever it is.

    Raises IndexMissing if there is none, IndexCorrupt, IndexMismatch, IndexOutdated, and of an
    engine IndexUnreachable and IndexBusy.
    """
    if isinstance(place, Address):
        from .milvus import contents

        return contents.read(place)
    from . import store

    return store.read(place)
