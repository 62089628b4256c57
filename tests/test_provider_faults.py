"""Each fault of a provider at every call; `tests.faults.provider` runs thousands."""

from unittest.mock import patch

import pytest

from tests.faults.provider import KINDS, QUESTIONS, corpus, run

LONG, _ = QUESTIONS


@pytest.fixture(scope="module")
def index():
    with corpus() as made, patch("rag.llm.BACK_OFF", 0.02):
        yield made


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_leaves_what_is_proven_and_a_failure_is_told(kind, question, index):
    # Again and again, so that the fault is what the model does at every step. A busy machine
    # needs seconds to come to a fault at all.
    wrong, answer = run(index, question, [kind] * 12, 3 if "hangs" in kind else 10)
    assert wrong == []
    assert {c.kind for c in answer.claims} == {"quote"}
    if kind[:3].isdigit() or "hangs" in kind:
        assert "The language model failed: " in answer.note


@pytest.mark.parametrize("question", QUESTIONS)
def test_without_a_fault_the_model_is_heard(question, index):
    wrong, answer = run(index, question, [], 20)
    assert wrong == [] and {c.kind for c in answer.claims} & {"span", "written"}
    assert "failed" not in answer.note


@pytest.mark.parametrize("kind", ["429, retry at once", "500"])
def test_a_passing_fault_is_overcome(kind, index):
    wrong, answer = run(index, LONG, [kind], 20)
    assert wrong == [] and "failed" not in answer.note
