"""Answers of LlamaIndex, LangChain, Haystack and paper-qa, scored beside Wirecheck's.

    uv sync --link-mode copy --group peers
    uv run --no-sync python -m eval.peers.answering --index DIR --questions FILE --out DIR \
        [--limit N] [--only NAME ...]

Everybody gets the same articles, the bundled encoder, the embedded language model (400 tokens a
reply, the likeliest token each time) and this machine, one after the other, each in a process of
its own. Each peer runs as it comes, NAME, and at the better of the settings that we tried,
NAME_best: passages that the encoder reads whole, and fewer of them, which a small model follows
better; `PEERS` has what that means for each. Wirecheck runs with its default model.

A peer's marks become citations of the passages that they name. A reply that says in its own words
that the sources don't tell counts as declined. Seconds are a question's, articles being indexed
before; memory is the process's, the harness and Wirecheck's index included, which every peer pays
alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.gold import read_gold
from eval.judges import OWN
from eval.report import read_report
from eval.robustness import drawn
from index import Article
from index.encoder import bundled_folder
from index.errors import SettingError, WirecheckError

INDEX = "WIRECHECK_PEER_INDEX"
MODULE = "eval.peers.answering"
OURS = "wirecheck"
#: Tokens of a reply.
REPLY = 400
#: Figures of the table: name in the report, heading.
SHOWN = {
    "citation_recall": "cit. recall",
    "citation_precision": "cit. prec.",
    "valid_citations": "valid",
    "nuggets": "nuggets",
    "complete": "complete",
    "declined_right": "decl. right",
    "declined_wrong": "decl. wrong",
    "seconds": "seconds",
    "memory_mb": "MB",
    "failed": "failed",
}
_DECLINES = re.compile(
    r"\b(?:I cannot answer|(?:can(?:no|')t|could not|unable to) (?:answer|determine|find)"
    r"|do(?:es)?(?: not|n't) (?:know|mention|say|provide|contain|include|specify)"
    r"|(?:is|are|was|were) not (?:mentioned|provided|specified|stated|given)"
    r"|no (?:information|mention|source)|none of the (?:provided )?sources)\b",
    re.I,
)
_NUMBER = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")

#: What a peer has when its articles are indexed: a question in, an answer out, as
#: `eval/systems.py` takes it.
Ask = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Text:
    """A passage that a peer found, and the article that it is from."""

    article: Article
    text: str

    def citation(self) -> dict[str, str]:
        """Its words as a quotation if they stand in the article so, else the whole article."""
        cited = {"article_id": self.article.id}
        return {**cited, "quote": self.text} if self.text in self.article.text else cited


@dataclass
class Peer:
    """A system under test: what makes it ready, with which settings. Called with a question."""

    make: Callable[..., Ask]
    packages: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    _ask: Ask | None = None

    def __call__(self, question: str) -> Mapping[str, Any]:
        """Its answer; the first question waits until the articles are indexed."""
        if self._ask is None:
            self._ask = self.make(_articles(), **self.settings)
        return self._ask(question)


def _articles() -> list[Article]:
    from index import open_index

    folder = os.environ.get(INDEX, "")
    if not folder:
        raise SettingError(f"{INDEX} is not set: name the index whose articles are asked about")
    return list(open_index(folder).articles.values())


def _reply(prompt: str) -> str:
    from rag.models import EMBEDDED, complete

    return complete(EMBEDDED, [{"role": "user", "content": prompt}], max_tokens=REPLY)


def marked(reply: str, sources: Sequence[Text]) -> dict[str, Any]:
    """A reply whose sentences end in numbers of `sources`, from [1], as claims with citations.

    A number that no source has cites an article that isn't there.
    """
    if _DECLINES.search(reply) or not reply.strip():
        return {"declined": True}
    claims = []
    for sentence, numbers in _sentences(reply):
        cited = [
            sources[n - 1].citation() if 0 < n <= len(sources) else {"article_id": f"[{n}]"}
            for n in numbers
        ]
        claims.append({"text": sentence, "citations": cited})
    return {"claims": claims} if claims else {"declined": True}


def _sentences(reply: str) -> Iterator[tuple[str, list[int]]]:
    """Each sentence without its marks, and their numbers; marks after the full stop are its own."""
    from index.language import sentence_spans

    joined = re.sub(r"([.!?])((?:\s*\[\d+(?:\s*,\s*\d+)*\])+)", r"\2\1", reply)
    for start, end in sentence_spans(joined):
        text = joined[start:end]
        numbers = [int(n) for m in _NUMBER.finditer(text) for n in m[1].split(",")]
        plain = re.sub(r"\s+([.,;!?])", r"\1", _NUMBER.sub("", text)).strip()
        if any(c.isalnum() for c in plain):
            yield plain, list(dict.fromkeys(numbers))


# --- the peers ---------------------------------------------------------------------------------


def llama_index(
    articles: Sequence[Article], *, chunk: int = 0, cited: int = 0, top: int = 0
) -> Ask:
    """CitationQueryEngine; 0 leaves its own: chunks of 1,024 tokens cut into 512, the first two."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.query_engine import CitationQueryEngine
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    class Embedded(CustomLLM):  # type: ignore[misc]
        @property
        def metadata(self) -> Any:
            return LLMMetadata(context_window=8192, num_output=REPLY, model_name="embedded")

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            return CompletionResponse(text=_reply(prompt))

        def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            raise NotImplementedError

    by_id = {a.id: a for a in articles}
    splitting = {"transformations": [SentenceSplitter(chunk_size=chunk)]} if chunk else {}
    engine = CitationQueryEngine.from_args(
        VectorStoreIndex.from_documents(
            [Document(text=a.text, metadata={"id": a.id}) for a in articles],
            embed_model=HuggingFaceEmbedding(model_name=str(bundled_folder()), device="cpu"),
            **splitting,
        ),
        llm=Embedded(),
        **({"citation_chunk_size": cited} if cited else {}),
        **({"similarity_top_k": top} if top else {}),
    )

    def ask(question: str) -> Mapping[str, Any]:
        response = engine.query(question)
        sources = [
            Text(by_id[n.metadata["id"]], re.sub(r"^Source \d+:\n", "", n.get_content()).strip())
            for n in response.source_nodes
        ]
        return marked(str(response), sources)

    return ask


def langchain(articles: Sequence[Article], *, chunk: int = 4000, top: int = 0) -> Ask:
    """RetrievalQAWithSourcesChain; as it comes the first four chunks, of 4,000 characters."""
    from langchain_classic.chains import RetrievalQAWithSourcesChain
    from langchain_core.documents import Document
    from langchain_core.language_models import LLM
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Embedded(LLM):  # type: ignore[misc]
        @property
        def _llm_type(self) -> str:
            return "embedded"

        def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **_: Any) -> str:
            return _reply(prompt)

    by_id = {a.id: a for a in articles}
    splitter = RecursiveCharacterTextSplitter(chunk_size=chunk, chunk_overlap=0)
    passages = splitter.split_documents(
        [Document(page_content=a.text, metadata={"source": a.id}) for a in articles]
    )
    encoder = HuggingFaceEmbeddings(
        model_name=str(bundled_folder()), model_kwargs={"device": "cpu"}
    )
    chain = RetrievalQAWithSourcesChain.from_chain_type(
        Embedded(),
        retriever=InMemoryVectorStore.from_documents(passages, encoder).as_retriever(
            **({"search_kwargs": {"k": top}} if top else {})
        ),
        return_source_documents=True,
    )

    def ask(question: str) -> Mapping[str, Any]:
        found = chain.invoke({"question": question})
        if _DECLINES.search(found["answer"]) or not found["answer"].strip():
            return {"declined": True}
        texts = {d.metadata["source"]: d.page_content for d in reversed(found["source_documents"])}
        named = [name for name in re.split(r"[,;\s]+", found["sources"]) if name]
        cited = [
            Text(by_id[n], texts[n]).citation() if n in texts else {"article_id": n} for n in named
        ]
        claims = [{"text": text, "citations": cited} for text, _ in _sentences(found["answer"])]
        return {"claims": claims} if claims else {"declined": True}

    return ask


#: Haystack has the parts and leaves the prompt to its user: the example of its AnswerBuilder, with
#: documents numbered from [1].
_HAYSTACK_PROMPT = """Answer the question from the documents below alone, in one to three sentences.
Each document has a number; write the numbers of the documents that you used in brackets after each
sentence, as in: The bridge was opened in May [2].
If the documents don't tell, write: The documents do not say.

{% for document in documents %}[{{ loop.index }}] {{ document.content }}

{% endfor %}Question: {{ question }}
Answer:"""


def haystack(articles: Sequence[Article], *, words: int = 200, top: int = 10) -> Ask:
    """Retriever, ChatPromptBuilder, AnswerBuilder; as they come ten documents of 200 words."""
    from haystack import Document
    from haystack.components.builders import AnswerBuilder, ChatPromptBuilder
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.dataclasses import ChatMessage
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    by_id = {a.id: a for a in articles}
    model = str(bundled_folder())
    to_documents = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
    to_question = SentenceTransformersTextEmbedder(model=model, progress_bar=False)
    for embedder in (to_documents, to_question):
        embedder.warm_up()
    split = DocumentSplitter(split_by="word", split_length=words, split_overlap=0).run(
        [Document(content=a.text, meta={"id": a.id}) for a in articles]
    )
    store = InMemoryDocumentStore()
    store.write_documents(to_documents.run(split["documents"])["documents"])
    retriever = InMemoryEmbeddingRetriever(store, top_k=top)
    prompts = ChatPromptBuilder(template=[ChatMessage.from_user(_HAYSTACK_PROMPT)])
    builder = AnswerBuilder(reference_pattern=r"\[(\d+)\]", return_only_referenced_documents=False)

    def ask(question: str) -> Mapping[str, Any]:
        vector = to_question.run(question)["embedding"]
        documents = retriever.run(query_embedding=vector)["documents"]
        prompt = prompts.run(question=question, documents=documents)["prompt"]
        (answer,) = builder.run(question, [_reply(prompt[0].text)], documents=documents)["answers"]
        texts = [Text(by_id[d.meta["id"]], (d.content or "").strip()) for d in answer.documents]
        return marked(answer.data, texts)

    return ask


def paper_qa(articles: Sequence[Article], **options: Any) -> Ask:
    """Docs.aquery; as it comes ten pieces of evidence, each summarised and scored by the model."""
    from lmi import LLMModel, LLMResult
    from lmi.embeddings import SentenceTransformerEmbeddingModel
    from paperqa import Docs, Settings
    from paperqa.types import Doc
    from paperqa.types import Text as Chunk

    class Embedded(LLMModel):  # type: ignore[misc]
        name: str = "embedded"

        async def acompletion(self, messages: Any, **_: Any) -> Any:
            prompt = "\n\n".join(m.content or "" for m in messages)
            text = await asyncio.to_thread(_reply, prompt)
            return [LLMResult(model=self.name, text=text, prompt=prompt)]

    by_id = {a.id: a for a in articles}
    settings = Settings()
    for name, value in options.items():
        setattr(settings.answer, name, value)
    model, encoder = Embedded(), SentenceTransformerEmbeddingModel(name=str(bundled_folder()))
    docs, loop = Docs(), asyncio.new_event_loop()

    async def add() -> None:
        for article in articles:
            doc = Doc(docname=article.id, dockey=article.id, citation=article.id)
            chunks = [
                Chunk(text=text, name=f"{article.id} {n}", doc=doc)
                for n, text in enumerate(_cut(article.text), start=1)
            ]
            await docs.aadd_texts(chunks, doc, settings=settings, embedding_model=encoder)

    loop.run_until_complete(add())

    def ask(question: str) -> Mapping[str, Any]:
        session = loop.run_until_complete(
            docs.aquery(
                question,
                settings=settings,
                llm_model=model,
                summary_llm_model=model,
                embedding_model=encoder,
            )
        )
        contexts = {c.id: c for c in session.contexts}
        sources, numbers = [], {}
        for name, context in contexts.items():
            sources.append(Text(by_id[context.text.doc.docname], context.text.text))
            numbers[name] = len(sources)
        reply = re.sub(
            r"\(?\b(pqac-\w+)\)?", lambda m: f"[{numbers.get(m[1], 0)}]", session.raw_answer
        )
        return marked(reply, sources)

    return ask


def _cut(text: str, size: int = 5000) -> Iterator[str]:
    """paper-qa's own chunks are of 5,000 characters; it reads files, which these are not."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


llama_index_default = Peer(llama_index, ("llama-index-core",))
llama_index_best = Peer(llama_index, ("llama-index-core",), {"chunk": 256, "cited": 256, "top": 3})
langchain_default = Peer(langchain, ("langchain-classic", "langchain-core"))
langchain_best = Peer(langchain, ("langchain-classic", "langchain-core"), {"chunk": 900, "top": 3})
haystack_default = Peer(haystack, ("haystack-ai",))
haystack_best = Peer(haystack, ("haystack-ai",), {"words": 150, "top": 3})
paper_qa_default = Peer(paper_qa, ("paper-qa",))
paper_qa_best = Peer(
    paper_qa,
    ("paper-qa",),
    {"evidence_skip_summary": True, "evidence_k": 4, "answer_max_sources": 3},
)


#: The systems of the table, in its order.
PEERS = {name: value for name, value in globals().items() if isinstance(value, Peer)}


# --- the command -------------------------------------------------------------------------------


def main() -> int:
    """Score each system in a process of its own and print the table; 2 if one can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the reports")
    parser.add_argument("--limit", type=int, help="so many drawn questions only")
    parser.add_argument("--judge", default=OWN)
    parser.add_argument("--only", nargs="+", choices=(OURS, *PEERS), default=(OURS, *PEERS))
    options = parser.parse_args()
    try:
        questions = _drawn(options)
        for name in options.only:
            _score(name, questions, options)
        print(table({name: read_report(options.out / name) for name in options.only}))
    except (WirecheckError, subprocess.CalledProcessError, OSError) as error:
        print(f"eval.peers.answering: {error}", file=sys.stderr)
        return 2
    return 0


def _drawn(options: argparse.Namespace) -> Path:
    """A file with the drawn questions' lines, beside the reports."""
    wanted = {q.id for q in drawn(read_gold(options.questions), options.limit)}
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.strip() and json.loads(line)["id"] in wanted]
    options.out.mkdir(parents=True, exist_ok=True)
    path: Path = options.out / "questions.jsonl"
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return path


def _score(name: str, questions: Path, options: argparse.Namespace) -> None:
    system = ["--model", "embedded"] if name == OURS else ["--system", f"{MODULE}:{name}"]
    words = ["--index", options.index, "--questions", questions, "--judge", options.judge]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "wirecheck",
            "eval",
            *words,
            *system,
            "--report",
            options.out / name,
        ],
        env={
            **os.environ,
            INDEX: str(options.index.resolve()),
            "HF_HUB_OFFLINE": "1",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "ANONYMIZED_TELEMETRY": "False",
        },
        stdout=subprocess.DEVNULL,
        check=True,
    )


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table: a row for each system, a column for each figure."""
    rows = [["system", *SHOWN.values()], ["---"] * (len(SHOWN) + 1)]
    for name, report in reports.items():
        figures = report["summary"]["figures"]
        rows.append([_label(name), *(_shown(figures[figure]) for figure in SHOWN)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _label(name: str) -> str:
    packages = ("wirecheck",) if name == OURS else PEERS[name].packages
    settings = (
        "" if name == OURS else ", ".join(f"{k} {v}" for k, v in PEERS[name].settings.items())
    )
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{name} ({versions}{'; ' + settings if settings else ''})"


def _shown(figure: Mapping[str, Any]) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 2
    interval = f" [{low:.{digits}f}, {high:.{digits}f}]" if low is not None else ""
    return f"{value:.{digits}f}{interval}"


if __name__ == "__main__":
    sys.exit(main())
