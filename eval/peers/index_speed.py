"""How fast articles become an index, beside LlamaIndex, LangChain, Haystack and txtai.

    uv sync --link-mode copy --group peers
    uv run --no-sync python -m eval.peers.index_speed --data FILE

(With linked files, LlamaIndex's NLTK refuses to read its own.) FILE is JSON lines, or .gz of them,
with a field `text` or `passage`; different ones are joined to articles.

Everybody gets the same folder of text files, the bundled encoder, and passages of about as many
tokens, 256 at most and without overlap; all else is as it comes. That is an index in memory for
the others, and one on disk, with keywords and overlap, for Wirecheck, whose cache is off. One row
is no system but the embedding alone: texts cut by words, and sentence-transformers in float32. Each
run is a process of its own and the systems take turns, every other turn the other way round. Time
starts when libraries and encoder are loaded and a few articles have been indexed: what is timed is
from files to an index. A run whose passages lack text, or whose vectors are fewer, is no run.
Figures are medians, and memory is the most that the process held. A ratio is between two runs of
one turn; the lowest and the highest are told with it. On a busy machine only ratios say something,
and most with `--clock cpu --threads 1`, which counts the processor's time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from eval.bench.common import apart
from eval.files import read_lines
from eval.provenance import installed
from eval.run import peak_memory_mb
from index import build_index, load_encoder
from index.encoder import bundled_folder
from index.store import read

TOKENS = 256
# For those that count words: with these, English passages have about as many tokens.
WORDS = 180
OURS = "Wirecheck"
ALONE = "embedding alone"


@dataclass(frozen=True)
class Indexed:
    """An index's passages, and how many vectors were made for it."""

    passages: Sequence[str]
    vectors: int


# From a folder of text files to an index.
Indexing = Callable[[Path], Indexed]


@dataclass(frozen=True)
class System:
    """Whom to time: its packages, and what loads it with the encoder in a folder."""

    packages: tuple[str, ...]
    load: Callable[[Path], Indexing]


def wirecheck(encoder_folder: Path) -> Indexing:
    """`build_index` into a new folder on disk."""
    encoder = load_encoder()

    def indexing(folder: Path) -> Indexed:
        directory = Path(tempfile.mkdtemp(dir=folder.parent))
        report = build_index([folder], directory / "index", encoder=encoder)
        passages = [p.text for p in read(directory / "index").contents.passages]
        return Indexed(passages, report.embedded)

    return indexing


def llama_index(encoder_folder: Path) -> Indexing:
    """VectorStoreIndex with its default store."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    model = HuggingFaceEmbedding(model_name=str(encoder_folder), device="cpu")
    splitter = SentenceSplitter(chunk_size=TOKENS, chunk_overlap=0)

    def indexing(folder: Path) -> Indexed:
        documents = [Document(text=text) for text in texts_in(folder)]
        index = VectorStoreIndex.from_documents(
            documents, embed_model=model, transformations=[splitter]
        )
        passages = [node.get_content() for node in index.docstore.docs.values()]
        return Indexed(passages, len(index.vector_store.data.embedding_dict))

    return indexing


def langchain(encoder_folder: Path) -> Indexing:
    """InMemoryVectorStore with HuggingFaceEmbeddings."""
    from langchain_core.documents import Document
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from transformers import AutoTokenizer

    model = HuggingFaceEmbeddings(model_name=str(encoder_folder), model_kwargs={"device": "cpu"})
    tokenizer = AutoTokenizer.from_pretrained(str(encoder_folder))
    splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
        tokenizer, chunk_size=TOKENS, chunk_overlap=0
    )

    def indexing(folder: Path) -> Indexed:
        documents = [Document(page_content=text) for text in texts_in(folder)]
        passages = splitter.split_documents(documents)
        store = InMemoryVectorStore.from_documents(passages, model)
        vectors = sum(bool(row["vector"]) for row in store.store.values())
        return Indexed([passage.page_content for passage in passages], vectors)

    return indexing


def haystack(encoder_folder: Path) -> Indexing:
    """DocumentSplitter, document embedder, DocumentWriter into InMemoryDocumentStore."""
    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
    )

    embedder = SentenceTransformersDocumentEmbedder(model=str(encoder_folder), progress_bar=False)
    embedder.warm_up()
    splitter = DocumentSplitter(split_by="word", split_length=WORDS, split_overlap=0)

    def indexing(folder: Path) -> Indexed:
        documents = [Document(content=text) for text in texts_in(folder)]
        embedded = embedder.run(splitter.run(documents)["documents"])["documents"]
        store = InMemoryDocumentStore()
        DocumentWriter(document_store=store).run(embedded)
        stored = store.filter_documents()
        vectors = sum(document.embedding is not None for document in stored)
        return Indexed([document.content or "" for document in stored], vectors)

    return indexing


def txtai(encoder_folder: Path) -> Indexing:
    """Embeddings with its default index; it splits nothing, so passages are cut for it by words."""
    from txtai import Embeddings

    def indexing(folder: Path) -> Indexed:
        passages = [passage for text in texts_in(folder) for passage in cut(text)]
        embeddings.index(passages)
        return Indexed(passages, embeddings.count())

    embeddings = Embeddings(path=str(encoder_folder))
    return indexing


def embedding_alone(encoder_folder: Path) -> Indexing:
    """The texts, cut by words, through sentence-transformers; there is no index."""
    encoder = load_encoder(str(encoder_folder))

    def indexing(folder: Path) -> Indexed:
        passages = [passage for text in texts_in(folder) for passage in cut(text)]
        return Indexed(passages, len(encoder.encode(passages)))

    return indexing


def cut(text: str) -> Iterator[str]:
    """A text in pieces of WORDS words."""
    words = text.split()
    for start in range(0, len(words), WORDS):
        yield " ".join(words[start : start + WORDS])


SYSTEMS = {
    OURS: System(("wirecheck",), wirecheck),
    "LlamaIndex": System(("llama-index-core", "llama-index-embeddings-huggingface"), llama_index),
    "LangChain": System(("langchain-core", "langchain-huggingface"), langchain),
    "Haystack": System(("haystack-ai", "sentence-transformers-haystack"), haystack),
    "txtai": System(("txtai",), txtai),
    ALONE: System(("sentence-transformers", "torch"), embedding_alone),
}


def texts_in(folder: Path) -> list[str]:
    """The articles, in order."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]


def write_articles(data: Path, folder: Path, count: int, joined: int) -> int:
    """Write `count` articles of `joined` texts each; return their characters."""
    folder.mkdir(parents=True)
    texts = distinct_texts(data)
    characters = 0
    for number in range(count):
        parts = list(islice(texts, joined))
        if len(parts) < joined:
            raise SystemExit(f"{data}: only enough for {number} articles of {joined} texts")
        title = " ".join(parts[0].split()[:6])
        text = "\n\n".join((title, *parts))
        (folder / f"a{number:05}.txt").write_text(text, encoding="utf-8")
        characters += len(text)
    return characters


def distinct_texts(data: Path) -> Iterator[str]:
    """The different texts of a JSON lines file, in order."""
    texts = (row.get("text") or row.get("passage") or "" for row in read_lines(data))
    yield from dict.fromkeys(t for t in texts if isinstance(t, str) and len(t) > 200)


def run_one(name: str, folder: Path, few: Path) -> dict[str, float]:
    """What a process of its own does: index; seconds, megabytes, passages and their tokens."""
    indexing = SYSTEMS[name].load(bundled_folder())
    indexing(few)
    wall, work = time.perf_counter(), time.process_time()
    found = indexing(folder)
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - work}
    memory = peak_memory_mb() or 0.0
    need_all(found, texts_in(folder))
    encoder = load_encoder()
    tokens = [len(encoder.token_offsets(passage)) for passage in found.passages]
    mean = sum(tokens) / len(tokens)
    return {**seconds, "memory": memory, "passages": len(tokens), "tokens": mean}


def need_all(found: Indexed, texts: Sequence[str]) -> None:
    """Raise ValueError if passages lack text, or vectors are fewer than passages."""
    if found.vectors < len(found.passages):
        raise ValueError(f"{found.vectors} of {len(found.passages)} passages were embedded")
    held, given = (sum(len("".join(t.split())) for t in part) for part in (found.passages, texts))
    if held < given:
        raise ValueError(f"passages hold {held:,} of {given:,} characters")


def measured(name: str, folder: Path, few: Path) -> dict[str, float] | str:
    """One run in a process of its own: its figures, or why there are none."""
    try:
        return apart(run_one, name, folder, few)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


def versions(name: str) -> str:
    """What is installed of a system's packages."""
    found = installed(SYSTEMS[name].packages)
    return ", ".join(f"{package} {known or 'not installed'}" for package, known in found.items())


Runs = dict[str, list[dict[str, float]]]


def report(runs: Runs, failed: dict[str, str], size: int, clock: str) -> None:
    """Print the table, and the ratio of our own time to each other's."""
    runs = {name: rows for name, rows in runs.items() if name not in failed}
    middle = {name: median(r[clock] for r in rows) for name, rows in runs.items()}
    print(f"{'system':17}{'chars/s':>9}{clock + ' s':>8}{'MB':>7}{'passages':>10}{'tokens':>8}")
    for name in sorted(middle, key=lambda n: middle[n]):
        row = runs[name][0]
        memory = median(r["memory"] for r in runs[name])
        print(
            f"{name:17}{size / middle[name]:>9,.0f}{middle[name]:>8.1f}{memory:>7,.0f}"
            f"{row['passages']:>10,.0f}{row['tokens']:>8.0f}  {versions(name)}"
        )
    for name, why in failed.items():
        print(f"{name:17}not measured: {why}  ({versions(name)})")
    for name in sorted(middle.keys() - {OURS}, key=lambda n: middle[n]) if OURS in runs else ():
        turns = zip(runs[name], runs[OURS], strict=True)
        ratios = sorted(other[clock] / ours[clock] for other, ours in turns)
        print(f"{OURS} / {name}: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def main() -> None:
    """Run all in turns and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="JSON lines with texts or passages")
    add("--articles", type=int, default=500)
    add("--joined", type=int, default=4, help="texts an article (default 4)")
    add("--runs", type=int, default=3)
    add("--threads", type=int, help="for each (default: their own)")
    add("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}
    os.environ["WIRECHECK_CACHE"] = "off"
    if options.threads:
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(options.threads))
    runs: Runs = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as work:
        folder, few = Path(work, "articles"), Path(work, "few")
        size = write_articles(options.data, folder, options.articles, options.joined)
        write_articles(options.data, few, 4, options.joined)
        for turn in range(options.runs):
            for name in reversed(SYSTEMS) if turn % 2 else SYSTEMS:
                result = failed.get(name) or measured(name, folder, few)
                if isinstance(result, str):
                    failed[name] = result
                else:
                    runs.setdefault(name, []).append(result)
                    print(f"run {turn + 1}: {name} {result[options.clock]:.1f} s", file=sys.stderr)
    print(f"{options.articles} articles, {size:,} characters, median of {options.runs} runs")
    report(runs, failed, size, options.clock)


if __name__ == "__main__":
    main()
