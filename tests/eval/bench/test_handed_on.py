import gzip
import json

from eval.bench.handed_on import Case, clapnq_cases, distractors, news_cases, rows_of, share
from eval.bench.retrieval import indexed, news, pool
from index import Article, Passage
from tests.eval.bench.test_retrieval import data  # noqa: F401
from tests.fakes import TopicEncoder

TEXT = "A storm hit it. It rained. Nobody slept."


def seen(*spans: tuple[int, int]) -> list[Passage]:
    article = Article("a", "", TEXT)
    return [Passage(article, start, end) for start, end in spans]


def test_the_share_of_the_gold_that_stands_whole_in_what_is_seen():
    case = Case("?", (("a", "A storm  hit it."), ("a", "It rained."), ("b", "Nobody slept.")))
    assert share(case, seen((0, 15), (27, len(TEXT)))) == 1 / 3
    assert share(case, seen((0, 26))) == 2 / 3
    assert share(case, seen((0, 5))) == 0
    assert share(case, []) == 0


def test_cases_name_the_articles_that_they_rest_on(data):  # noqa: F811
    row = json.loads((data / "clapnq_answerable_dev.jsonl").read_text())
    row["output"] = [{"selected_sentences": ["A storm hit it .", " "]}]
    (data / "clapnq_answerable_dev.jsonl").write_text(json.dumps(row))
    corpus = pool(data)
    (case,) = clapnq_cases(data, corpus)
    ids = {a.id: a.text for a in corpus.articles}
    assert [(ids[name], text) for name, text in case.gold] == [("A storm hit it .",) * 2]
    reported = news(data)
    (case,) = news_cases(reported)
    assert {text for _, text in case.gold} == {"It rained.", "The election is over."}
    first, *rows = rows_of("news", [case], indexed(reported, TopicEncoder()))
    assert first == "news: 1 questions, 2 articles"
    assert [row for row in rows if "what ships: share" in row and "1.000" in row]


def test_distractors_are_passages_once_each_and_the_same_every_time(tmp_path):
    rows = [{"set": "squadshifts_new_wiki", "passage": f"Passage {n % 3}."} for n in range(9)]
    rows.append({"set": "tweetqa", "passage": "Another."})
    with gzip.open(tmp_path / "qa_span.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    chosen = distractors(tmp_path, 10)
    assert {a.text for a in chosen} == {"Passage 0.", "Passage 1.", "Passage 2."}
    assert [a.id for a in distractors(tmp_path, 2)] == [a.id for a in chosen[:2]]
