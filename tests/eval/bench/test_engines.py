"""The engines' bench compares what it says, and ends what takes too long."""

import re
import time

import pytest

from eval.bench import common, engines

pytest.importorskip("pymilvus", reason="pymilvus is not installed: uv sync --extra milvus")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: uv sync --extra milvus")


def slow(told):
    told(30)
    told(12)
    time.sleep(600)


def dying(told):
    told(5)
    raise SystemExit(3)


def quick(told, count):
    told(count)
    return {"answers": count}


def counted(told, *given):
    """What a build tells, in a process of its own: it changes our modules."""
    seen = []
    engines.built(seen.append, *given)
    return {"told": sum(seen)}


@pytest.mark.long
def test_what_takes_too_long_is_ended_and_how_far_it_came_is_told():
    found = common.limited(5, slow)
    assert found == {"passages": 42, "why": "stopped after 5 s"}
    assert common.limited(60, dying) == {"passages": 5, "why": "ended with exit code 3"}
    found = common.limited(60, quick, 7)
    assert found["answers"] == 7 and found["cpu"] <= found["seconds"] and found["megabytes"] > 1


def test_a_row_counts_what_is_the_same():
    def answer(*names):
        return [(name, 0.5) for name in names]

    pairs = [
        [(answer("a", "b"), 0.1), (answer("a", "b"), 0.2)],
        [(answer("a", "b"), 0.3), (answer("b", "c"), 0.4)],
    ]
    row = engines._row(pairs)
    assert (row["same"], row["asked"], row["shared"]) == (1, 2, 0.75)
    assert row["seconds"] == pytest.approx([0.2, 0.3])


@pytest.mark.long
def test_folder_and_milvus_lite_are_built_and_asked_the_same(tmp_path, capsys):
    engines.write(tmp_path / "articles", 40)
    lite = f"milvus+file:{tmp_path}/index.db"
    places = {"folder": f"{tmp_path}/index", "milvus-lite": lite}
    engines.measure(places, 40, f"{tmp_path}/articles", 300)
    out = capsys.readouterr().out
    assert len(re.findall(r"built in \d+\.\d s", out)) == 2
    assert out.count("20 of 20 first tens the same") == 3
    counts = common.limited(120, counted, f"{tmp_path}/articles", f"{tmp_path}/again")
    assert counts["told"] == 40
    rows = engines.compared(list(places.values()), words=False)
    assert [row["same"] for row in rows] == [20, 20, 20]


@pytest.mark.parametrize(("version", "has"), [("v2.3.5", False), ("2.4.0", True), ("v3.0", True)])
def test_a_server_before_2_4_has_no_words(monkeypatch, version, has):
    class Client:
        def get_server_version(self, timeout):
            return version

    class Connected:
        _client = Client()

    monkeypatch.setattr(engines, "connect", lambda address: Connected())
    assert engines.has_words(engines.place_of("milvus+http://host/news")) is has
