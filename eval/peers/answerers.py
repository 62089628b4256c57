"""LlamaIndex, LangChain, Haystack and paper-qa, each as a function from a question to an answer.

`eval.peers.answering` scores them. Each is made ready when its first question comes.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from index import Article, open_index
from index.encoder import bundled_folder
from index.errors import SettingError

INDEX = "WIRECHECK_PEER_INDEX"
#: Tokens of a reply.
REPLY = 400
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
    if _declines(reply):
        return {"declined": True}
    claims = []
    for sentence, numbers in _sentences(reply):
        cited = [
            sources[n - 1].citation() if 0 < n <= len(sources) else {"article_id": f"[{n}]"}
            for n in numbers
        ]
        claims.append({"text": sentence, "citations": cited})
    return {"claims": claims} if claims else {"declined": True}


def _declines(reply: str) -> bool:
    return not reply.strip() or _DECLINES.search(reply) is not None


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
        if _declines(found["answer"]):
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
            # Its own chunks are of 5,000 characters; it reads files, which these are not.
            starts = range(0, len(article.text), 5000)
            chunks = [
                Chunk(text=article.text[s : s + 5000], name=f"{article.id} {n}", doc=doc)
                for n, s in enumerate(starts, start=1)
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
        contexts = {c.id: c.text for c in session.contexts}
        sources = [Text(by_id[text.doc.docname], text.text) for text in contexts.values()]
        numbers = {name: n for n, name in enumerate(contexts, start=1)}
        reply = re.sub(
            r"\(?\b(pqac-\w+)\)?", lambda m: f"[{numbers.get(m[1], 0)}]", session.raw_answer
        )
        return marked(reply, sources)

    return ask


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
