"""Milvus, as this index uses it: the connection, the collections, and rows in and out of them.

    NAME_passages_DIM   a passage a row: vector, weights of its words, where it stands
    NAME_articles       articles, their sketches, what finds them: documents in pieces
    NAME_meta           what serves, who writes, counts of words: documents, too

`rows` tells what is in them, `contents` reads them, `build` writes them.

milvus-lite, for an index in a file, runs in this process and listens at 127.0.0.1 alone, at a port
of the system's choice; whoever has an account on this machine can reach it there.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..engines import Address
from ..errors import IndexBusy, IndexCorrupt, IndexProblem, IndexUnreachable, SettingError
from ..settings import value_of
from .rows import DOC, KEYS, PASSAGE, Doc, Row, docs_in

TOKEN = "WIRECHECK_MILVUS_TOKEN"
#: A file of certificates that are trusted in place of the usual ones.
TRUSTED = "WIRECHECK_MILVUS_CA"
#: A read at STRONG sees all that was written before it; at BOUNDED all but the last seconds.
STRONG, BOUNDED = "Strong", "Bounded"
#: The most rows that Milvus gives to one search.
MOST = 16_384

_CONNECT_SECONDS, _READ_SECONDS, _WRITE_SECONDS = 3.0, 4.0, 120.0
# milvus-lite hangs up on a client that looks after it as often as pymilvus does.
_NO_PINGS = {"grpc.keepalive_time_ms": 2**31 - 1, "grpc.keepalive_permit_without_calls": False}
_BATCH = 500
_PLACES = 100
_LOOKS, _LOOK_SECONDS = 3, 0.2
_WINDOW = 64 << 20
_TEXTS = {"pk": 64, "data": 65_535, "words": 65_535}
_HELP = (
    'an index in Milvus needs pymilvus: pip install "wirecheck[milvus]", or uv sync --extra milvus'
)


class Engine:
    """One index's collections in a Milvus; from `connect`. Any number of threads may use it.

    All methods raise IndexUnreachable within 5 seconds if the engine of a search doesn't answer.
    """

    def __init__(self, address: Address, client: Any, patient: bool = False) -> None:
        """`patient` lets a read take as long as a write: of who builds or checks."""
        self.address = address
        self._client = client
        seconds = _WRITE_SECONDS if patient else _READ_SECONDS
        self._read = None if address.file else seconds
        self.articles, self.meta = f"{address.name}_articles", f"{address.name}_meta"

    def passages(self, dim: int) -> str:
        """The name of the collection of passages with vectors of length `dim`."""
        return f"{self.address.name}_passages_{dim}"

    def exists(self) -> bool:
        """Whether an index of this name is there: its collection that is made last."""
        with _told(self.address):
            return bool(self._client.has_collection(self.meta, timeout=self._read))

    def create(self, dim: int) -> None:
        """Make the collections that aren't there."""
        self._made(self.passages(dim), _PASSAGE_TYPES, {"dense": dim, "sparse": 0})
        for name in (self.articles, self.meta):
            self._made(name, _DOC_TYPES, {"pad": 2})

    def _made(self, name: str, fields: Mapping[str, str], vectors: Mapping[str, int]) -> None:
        from pymilvus import DataType, MilvusClient

        with _told(self.address):
            if self._client.has_collection(name, timeout=_WRITE_SECONDS):
                return
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            for field, kind in fields.items():
                limit = {"max_length": _TEXTS[field]} if field in _TEXTS else {}
                schema.add_field(field, DataType[kind], is_primary=field == "pk", **limit)
            indexes = self._client.prepare_index_params()
            for field, dim in vectors.items():
                if dim:
                    schema.add_field(field, DataType.FLOAT_VECTOR, dim=dim)
                else:
                    schema.add_field(field, DataType.SPARSE_FLOAT_VECTOR)
                indexes.add_index(field_name=field, metric_type="IP", **self._index_of(field))
            self._client.create_collection(
                name, schema=schema, index_params=indexes, consistency_level=STRONG
            )

    def _index_of(self, field: str) -> dict[str, Any]:
        if field == "sparse":
            return {"index_type": "SPARSE_INVERTED_INDEX"}
        if self.address.file or field == "pad":
            return {"index_type": "FLAT"}
        return {"index_type": "HNSW", "params": {"M": 16, "efConstruction": 200}}

    def load(self, *names: str) -> None:
        """Let collections be searched; one that is already is left as it is."""
        with _told(self.address):
            for name in names:
                self._client.load_collection(name, timeout=_WRITE_SECONDS)

    def search(
        self,
        name: str,
        field: str,
        vector: Any,
        limit: int,
        where: str,
        fields: Sequence[str],
        level: str,
    ) -> list[Row]:
        """The rows of highest inner product with `vector`, best first; `score` is that product."""
        params = {"metric_type": "IP", "params": {"ef": max(2 * limit, 256)}}
        with _told(self.address):
            found = self._client.search(
                name,
                [vector],
                anns_field=field,
                limit=limit,
                filter=where,
                output_fields=list(fields),
                search_params=params if field == "dense" else {"metric_type": "IP"},
                consistency_level=level,
                timeout=self._read,
            )
            return [{**hit["entity"], "score": hit["distance"]} for hit in found[0]]

    def query(
        self, name: str, where: str, fields: Sequence[str], level: str, limit: int = MOST
    ) -> list[Row]:
        """Rows that `where` lets through, at most `limit`, in no order."""
        with _told(self.address):
            return [
                dict(row)
                for row in self._client.query(
                    name,
                    filter=where,
                    output_fields=[*KEYS, *fields],
                    limit=limit,
                    consistency_level=level,
                    timeout=self._read,
                )
            ]

    def at(
        self, name: str, where: str, places: Sequence[int], fields: Sequence[str], level: str
    ) -> list[Row]:
        """All rows at these articles' places that `where` lets through."""
        found: list[Row] = []
        for start in range(0, len(places), _PLACES):
            some = list(places[start : start + _PLACES])
            rows = self.query(name, f"({where}) and article in {some}", fields, level)
            if len(rows) == MOST and len(some) > 1:
                rows = [r for one in some for r in self.at(name, where, [one], fields, level)]
            found += rows
        return found

    def docs(self, name: str, where: str, level: str) -> list[Doc]:
        """The documents that `where` lets through; as many as one read gives."""
        return docs_in(self.query(name, where, DOC, level))

    def get(self, name: str, keys: Sequence[str], level: str) -> list[Row]:
        """The documents' rows under these primary keys, of those that are there."""
        listed = ", ".join(f'"{key}"' for key in keys)
        return self.query(name, f"pk in [{listed}]", DOC, level) if keys else []

    def row_of(self, name: str, key: str) -> list[Doc]:
        """The one document under a key, at STRONG; looked for again where it isn't there.

        Milvus 2.3 replaces a row by removing and adding it, and a read may fall between.
        """
        for attempt in range(_LOOKS):
            if found := docs_in(self.get(name, [key], STRONG)):
                return found
            if not self.address.file and attempt < _LOOKS - 1:
                time.sleep(_LOOK_SECONDS)
        return []

    def count(self, name: str, where: str) -> int:
        """How many rows `where` lets through; at STRONG."""
        with _told(self.address):
            found = self._client.query(
                name,
                filter=where,
                output_fields=["count(*)"],
                consistency_level=STRONG,
                timeout=_WRITE_SECONDS,
            )
            return int(found[0]["count(*)"])

    def scan(
        self, name: str, where: str, fields: Sequence[str], last: int, level: str = STRONG
    ) -> Iterator[list[Row]]:
        """All rows that `where` lets through, with `article` up to `last`, some articles at a time.

        Milvus gives no order; windows of article numbers do.
        """
        start, width = 0, _WINDOW
        while start <= last:
            window = f"article >= {start} and article < {start + width}"
            rows = self.query(name, f"({where}) and {window}", fields, level, _BATCH)
            if len(rows) == _BATCH and width > 1:
                width = max(1, width // 2)
                continue
            if len(rows) == _BATCH:  # an article of very many rows
                rows = self.query(name, f"({where}) and {window}", fields, level)
            yield sorted(rows, key=lambda row: (row["article"], row["pk"]))
            start += width
            width *= 2 if len(rows) < _BATCH // 4 else 1

    def upsert(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows, each over the one with its primary key."""
        with _told(self.address):
            for start in range(0, len(rows), _BATCH):
                batch = list(rows[start : start + _BATCH])
                self._client.upsert(name, batch, timeout=_WRITE_SECONDS)

    def delete(self, name: str, where: str) -> None:
        """Remove the rows that `where` lets through."""
        with _told(self.address):
            self._client.delete(name, filter=where, timeout=_WRITE_SECONDS)

    def drop_passages(self, but: Sequence[str]) -> None:
        """Remove collections of passages of other encoders, except those named in `but`."""
        with _told(self.address):
            for name in self._client.list_collections(timeout=_WRITE_SECONDS):
                if name.startswith(f"{self.address.name}_passages_") and name not in but:
                    self._client.drop_collection(name, timeout=_WRITE_SECONDS)


_DOC_TYPES = {
    "pk": "VARCHAR",
    **dict.fromkeys(["article", "born", "died", *DOC[:-1]], "INT64"),
    "data": "VARCHAR",
}
_PASSAGE_TYPES = {
    "pk": "VARCHAR",
    **dict.fromkeys(["article", "born", "died", *PASSAGE[:-1]], "INT64"),
    "words": "VARCHAR",
}


def connect(address: Address, patient: bool = False) -> Engine:
    """Reach the engine of an index; `patient` as in `Engine`.

    Raises SettingError if pymilvus is not installed, IndexUnreachable if the engine doesn't answer
    or refuses the token, IndexBusy if another process has the file of milvus-lite open.
    """
    # Else gRPC tells on the terminal that a process forked.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        import pymilvus
    except ImportError as error:
        raise SettingError(_HELP) from error
    # What goes wrong is told by our own errors; pymilvus would print whole traces besides.
    for name in ("pymilvus", "milvus_lite", "grpc._server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _told(address):
        uri = _serving_file(address) if address.file else address.uri
        token = "" if address.file else value_of(TOKEN)
        options: dict[str, Any] = {"grpc_options": _NO_PINGS} if address.file else {}
        if trusted := value_of(TRUSTED):
            options["server_pem_path"] = trusted
        client = pymilvus.MilvusClient(uri, token=token, timeout=_CONNECT_SECONDS, **options)
    return Engine(address, client, patient)


_servers: dict[str, str] = {}
_starting = threading.Lock()


def _serving_file(address: Address) -> str:
    """Start milvus-lite on a file, once in a process; returns where it listens."""
    try:
        from milvus_lite.adapter.grpc.server import start_server_in_thread
    except ImportError as error:
        raise SettingError(_HELP.replace("pymilvus", "milvus-lite", 1)) from error
    with _starting:
        if address.uri not in _servers:
            # Said here, whatever the default is: 0.0.0.0 is that of its command.
            server, database, port = start_server_in_thread(address.uri, host="127.0.0.1", port=0)
            _servers[address.uri] = f"http://127.0.0.1:{port}"
            atexit.register(_end, server, database)
        return _servers[address.uri]


def _end(server: Any, database: Any) -> None:
    with suppress(Exception):  # the process ends; whatever was acknowledged is in its journal
        server.stop(grace=2)
        database.close()


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """Turn what pymilvus, gRPC and milvus-lite raise into our own errors; never tells the token."""
    try:
        yield
    except (IndexProblem, SettingError):
        raise
    except Exception as error:
        raise _ours(address, error) from None


_REFUSED = ("unauthenticated", "permission_denied", "auth check failure", "permission deny")
_UNTRUSTED = ("certificate_verify_failed", "peer certificate", "hostname verification")
_SILENT = ("unavailable", "deadline_exceeded", "fail connecting", "retry timeout", "retry run out")


def _ours(address: Address, error: Exception) -> IndexProblem:
    causes: list[BaseException] = [error]
    while following := causes[-1].__cause__ or causes[-1].__context__:
        if following in causes:
            break
        causes.append(following)
    told = " ".join(f"{type(one).__name__} {one} {_code(one)}" for one in causes).lower()
    if "datadirlocked" in told:
        return IndexBusy(
            f"{address}: another process has it open; milvus-lite is for one process at a time"
        )
    if any(word in told for word in _REFUSED):
        return IndexUnreachable(f"{address}: refuses the token; set {TOKEN} to one that it knows")
    if any(word in told for word in _UNTRUSTED):
        return IndexUnreachable(
            f"{address}: its certificate isn't trusted, or is another host's; set {TRUSTED} to a "
            "file with that of the authority that signed it"
        )
    if any(word in told for word in _SILENT):
        return IndexUnreachable(f"{address}: doesn't answer; see that Milvus runs there")
    if ("database" in told and "not found" in told) or ("collection" in told and "exist" in told):
        return IndexCorrupt(f"{address}: a collection of the index is gone; index anew")
    text = " ".join(str(getattr(error, "message", "") or error).split())[:200]
    token = value_of(TOKEN)
    return IndexProblem(f"{address}: {text.replace(token, '...') if token else text}")


def _code(error: BaseException) -> str:
    code = getattr(error, "code", "")
    return str(code() if callable(code) else code)
