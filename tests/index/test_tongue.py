import pytest

from index import build_index
from index.keywords import keyword_tokens
from index.language import sentence_spans
from index.tongue import NAMES, language_of
from tests.fakes import TopicEncoder

#: Each sentence of a text, by its language.
TOLD = {
    "en": ["The port of Imber is shut, Dr. Lom said.", "It opens on 3 May at No. 5."],
    "de": [
        "Der Hafen von Imber ist bis zum 3. März geschlossen, sagte Dr. Hanna Lom.",
        "Etwa 3.400 Boote, z. B. die Fähren, liegen fest.",
        "Die Pumpe kostet ca. 2,5 Mio. Kronen.",
        "„Wir warten auf den Regen“, sagte sie.",
    ],
    "es": [
        "El alcalde de Imber, el Sr. Pérez, dijo que 3.400 personas votaron.",
        "¿Cuándo abre el puerto?",
        "«No lo sé», dijo la Sra. Lom.",
    ],
    "fr": [
        "Le maire d’Imber, M. Lom, a dit que la participation était de 61,9 %.",
        "« Nous sommes contents », a-t-il dit.",
        "Mme. Reed n’était pas là.",
    ],
    "it": ["Il sindaco di Imber, il dott. Rossi, è stato rieletto.", "Il porto apre il 3 maggio."],
    "pt": ["O prefeito de Imber, o Sr. Silva, disse que não vai.", "A Dra. Lom foi em 3 de maio."],
    "ja": [
        "北の港は閉鎖された。",
        "「雨が心配だ。」と村長は言った。",
        "修理は9日かかる！",
        "橋は無事か？",
        "はい。",
    ],
    "zh": ["北边的港口已经关闭。", "镇长说：“我们担心下雨。”", "修理需要9天。"],
    "ar": ["قال المجلس البلدي إن 83 قاربا غرقت.", "متى يفتح الميناء؟", "يفتح في 3 مايو."],
}


@pytest.mark.parametrize("code", TOLD)
def test_sentences_of_a_language(code):
    text = ("" if code in {"ja", "zh"} else " ").join(TOLD[code])
    assert [text[a:b] for a, b in sentence_spans(text)] == TOLD[code]


@pytest.mark.parametrize("code", TOLD)
def test_a_language_is_known_by_its_script_or_its_commonest_words(code):
    assert code in NAMES and language_of(" ".join(TOLD[code])) == code


@pytest.mark.parametrize("text", ["", "Imber 3", "tower Imber cost", "🙂"])
def test_what_tells_no_language(text):
    assert language_of(text) == ""


def test_chinese_and_japanese_share_pairs_of_signs():
    assert set(keyword_tokens("北港の修理は9日")) & set(keyword_tokens("修理に何日"))
    assert keyword_tokens("港") == ["港"]


def built(tmp_path, encoder, *codes):
    folder = tmp_path / "articles"
    folder.mkdir()
    for number, code in enumerate(codes):
        (folder / f"{number}.txt").write_text(" ".join(TOLD[code]), encoding="utf-8")
    return build_index([folder], tmp_path / "index", encoder=encoder).notes


@pytest.mark.parametrize(
    ("codes", "told"), [(("de", "de", "en"), "German"), (("ja", "zh", "ja", "en"), "Japanese")]
)
def test_most_articles_in_a_language_that_the_bundled_encoder_does_not_know(tmp_path, codes, told):
    (note,) = [n for n in built(tmp_path, None, *codes) if "most articles" in n]
    assert told in note and "WIRECHECK_ENCODER=intfloat/multilingual-e5-small" in note


@pytest.mark.parametrize(
    ("encoder", "codes"), [(None, ("de", "en", "en")), (TopicEncoder(), ("de", "de", "de"))]
)
def test_else_nothing_is_said(tmp_path, encoder, codes):
    assert not [n for n in built(tmp_path, encoder, *codes) if "most articles" in n]
