import time

import pytest

from index.errors import ModelKeyMissing, ModelUnreachable
from rag.probe import probe
from tests.openai_server import echoes_key, says


def test_a_model_that_answers_is_told_with_its_time(openai) -> None:
    server = openai(says("I am here."))
    line = probe("openai/scripted", 60)
    assert line.startswith("openai/scripted answers, in ") and line.endswith(" s.")
    assert [m["content"] for m in server.requests[0].body["messages"]] == [
        "Reply with the one word: ready"
    ]


def test_one_that_does_not_is_told_in_a_line_without_the_key(openai, monkeypatch) -> None:
    openai(echoes_key())
    with pytest.raises(ModelKeyMissing) as refused:
        probe("openai/scripted", 60)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnreachable) as away:
        probe("openai/scripted", 60)
    for error in (refused, away):
        assert "canary" not in str(error.value) and "\n" not in str(error.value)


def test_no_model_is_asked_where_none_is_named() -> None:
    assert probe("none") == "No model is asked: answers are the reports' own words."


def test_the_time_that_loading_takes_is_no_part_of_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Model:
        def ask(self, conversations, **options):
            asked.append((conversations, options["seconds"]))

    def load(name):
        time.sleep(0.3)
        return Model()

    monkeypatch.setattr("rag.probe.load_model", load)
    assert probe("embedded", 7) == "embedded answers, in 0.0 s."
    assert asked == [([[{"role": "user", "content": "Reply with the one word: ready"}]], 7)]
