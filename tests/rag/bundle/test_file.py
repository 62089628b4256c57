import json

import pytest

from index.errors import SettingError
from rag.bundle import MAX_BYTES, sealed, write_bundle
from rag.bundle.file import read_bundle
from rag.bundle.page import page_of
from tests import bundles


def refused(tmp_path, text) -> str:
    path = tmp_path / "b.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    with pytest.raises(SettingError) as caught:
        read_bundle(path)
    said = str(caught.value)
    assert len(said.splitlines()) == 1 and said.isprintable() and len(said) < 400
    return said


@pytest.mark.parametrize("name", ["b.json", "b.html"])
def test_what_was_written_is_read(tmp_path, name):
    write_bundle(bundles.answer(), tmp_path / name, bundles.MADE, {"since": "2031-04-01"})
    file = read_bundle(tmp_path / name)
    assert file.data == bundles.bundle() and file.bundle.sentences[0].text == "Friday"
    assert (file.page is not None) == name.endswith("html")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cut off"),
        ("hello", "not JSON"),
        ("[1, 2]", "holds a list"),
        ("{}", "format"),
        ('{"format": "wirecheck-bundle/2"}', "wirecheck-bundle/2"),
        ('{"format": "wirecheck-bundle/1"}', "field required"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 5000 + "}", "too long"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": {"b": 1, "b": 1}}', "stands twice"),
        ('{"a": "\\ud800"}', "surrogate"),
        ("[" * 100_000, "nested too deep"),
        (b"\xff\xfe\x00\x01", "UTF-8"),
        (b"\x00" * 50, "not JSON"),
    ],
)
def test_what_is_no_bundle_is_told_in_one_line(tmp_path, text, said):
    assert said in refused(tmp_path, text)


def test_a_truncated_bundle_is_told(tmp_path):
    for whole in (json.dumps(bundles.bundle()), page_of(bundles.bundle())):
        for length in (len(whole) // 3, len(whole) * 2 // 3, len(whole) - 30):
            refused(tmp_path, whole[:length])


def test_a_huge_file_is_not_even_parsed(tmp_path):
    assert "too large" in refused(tmp_path, b" " * (MAX_BYTES + 1))


def test_a_folder_or_a_link_is_no_bundle(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "b.json")
    for path in (tmp_path, tmp_path / "link.json", tmp_path / "nowhere.json"):
        with pytest.raises(SettingError):
            read_bundle(path)


def _first(data):
    return data["sentences"][0]["citations"][0]


@pytest.mark.parametrize("start", [-1, True, 1.0, "1", None, [1], 1e300])
def test_an_offset_is_a_whole_number_from_0(tmp_path, start):
    data = bundles.edited(lambda d: _first(d).update(start=start))
    assert "sentences.0.citations.0.start" in refused(tmp_path, json.dumps(data))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d.pop("articles"), "articles: field required"),
        (lambda d: d["articles"].update(b1=None), "articles.b1"),
        (lambda d: d["articles"]["b1"].update(text=5), "articles.b1.text"),
        (lambda d: d["sentences"][0].update(kind="guess"), "sentences.0.kind"),
        (lambda d: d["sentences"][0]["checks"][0].update(passed="yes"), "checks.0.passed"),
        (lambda d: d.update(outcome="maybe"), "outcome"),
        (lambda d: d.update(sentences=d["sentences"] * 400), "sentences"),
        (lambda d: d["articles"].update({"\x1b[31m" * 50: None}), "articles."),
    ],
)
def test_the_field_that_is_wrong_is_named(tmp_path, edit, said):
    assert said in refused(tmp_path, json.dumps(bundles.edited(edit)))


def test_what_a_later_version_adds_is_passed_over(tmp_path):
    path = tmp_path / "b.json"
    data = bundles.edited(lambda d: d["ledger"][0].update(attribution="the mayor"))
    path.write_text(json.dumps(data), encoding="utf-8")
    assert read_bundle(path).bundle.ledger[0].value == "Friday"


def test_a_page_with_two_blocks_of_data_is_refused(tmp_path):
    page = page_of(bundles.bundle())
    block = page[page.index("<script") : page.index("</script>") + len("</script>")]
    assert "2 blocks" in refused(tmp_path, page.replace("<h1", f"{block}<h1", 1))
    assert "0 blocks" in refused(tmp_path, page.replace(block, ""))
    assert "2 blocks" in refused(tmp_path, page.replace("</body>", "<SCRIPT>x()</SCRIPT></body>"))


def test_a_block_of_another_kind_is_refused(tmp_path):
    page = page_of(bundles.bundle())
    assert "no bundle's data" in refused(tmp_path, page.replace("application/json", "text/plain"))


def test_a_hash_that_is_wrong_is_no_matter_of_shape(tmp_path):
    path = tmp_path / "b.json"
    path.write_text(json.dumps({**sealed(bundles.bundle()), "sha256": "0" * 64}), encoding="utf-8")
    assert read_bundle(path).bundle.sha256 == "0" * 64
