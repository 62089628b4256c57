from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import pytest

from index.errors import SettingError
from rag.prompts import Prompt, load_prompt, read_prompt

EVIDENCE = '{"label": "E1", "outlet": "Harbour Wire", "date": "2031-03-04", "text": "It cost $5."}'
ALL = sorted(
    file.name.removesuffix(".txt")
    for file in files("prompts").iterdir()
    if file.name.endswith(".txt")
)


def test_a_question_and_its_evidence_stand_in_the_prompt_as_they_are() -> None:
    text = load_prompt("write.user").render(question="What did $evidence cost?", evidence=EVIDENCE)
    assert text.splitlines()[:4] == [
        "Evidence:",
        EVIDENCE,
        "",
        "Question: What did $evidence cost?",
    ]


@pytest.mark.parametrize("name", ALL)
def test_every_prompt_loads_and_renders_what_it_declares(name: str) -> None:
    prompt = load_prompt(name)
    rendered = prompt.render(**{variable: f"<{variable}>" for variable in prompt.variables})
    assert all(f"<{variable}>" in rendered for variable in prompt.variables)
    assert not rendered.startswith("#") and rendered == rendered.strip()


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(".system")])
def test_a_system_prompt_holds_nothing_of_the_question(name: str) -> None:
    assert load_prompt(name).variables == ()


def test_what_the_writing_prompt_asks_is_what_the_draft_is_read_for() -> None:
    text = load_prompt("write.system").text
    assert "NO ANSWER" in text and "[E1][E3]" in text and '{"label": "E1"' in text


def test_the_hash_is_that_of_the_whole_file() -> None:
    raw = (files("prompts") / "write.system.txt").read_bytes()
    assert load_prompt("write.system").sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"question": "Who?"}, "prompt write.user: no value for its variable $evidence"),
        (
            {"question": "Who?", "evidence": "", "outlet": ""},
            "prompt write.user: it has no variable $outlet",
        ),
    ],
)
def test_values_must_be_the_declared_ones(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_prompt("write.user").render(**values)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Question: $question\n", "first line must declare"),
        (
            "# variables: question, evidence\nQuestion: $question\n",
            "$evidence is declared, but not in the text",
        ),
        ("# variables: question\nQuestion: $question $evidence\n", "$evidence is not declared"),
        ("# variables:\nIt cost $5.\n", "write $$ for the sign"),
        ("", "first line must declare"),
    ],
)
def test_a_file_whose_variables_are_not_the_declared_ones_is_refused(
    tmp_path: Path, content: str, complaint: str
) -> None:
    file = tmp_path / "odd.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        read_prompt("odd", file)
    assert "prompt odd" in str(caught.value) and complaint in str(caught.value)


def test_a_doubled_dollar_is_a_dollar(tmp_path: Path) -> None:
    file = tmp_path / "price.txt"
    file.write_text("# variables: sum\nIt cost $$$sum.\n", encoding="utf-8")
    prompt = read_prompt("price", file)
    assert isinstance(prompt, Prompt) and prompt.render(sum="5") == "It cost $5."


@pytest.mark.parametrize("name", ["write", "../pyproject", "write.user.txt", ""])
def test_only_the_prompts_that_are_there_can_be_named(name: str) -> None:
    with pytest.raises(SettingError, match=r"write\.system, write\.user"):
        load_prompt(name)
