import signal
import time

import pytest

import index.formats.extraction
from index.files import Unfit
from index.formats.extraction import Extraction
from tests.sample_files import STORY, page, pdf_file

ANSWER = b'{"text": "T", "title": "", "fields": {}, "notes": []}'
READ = "import json, os, signal, sys, time\nr = sys.stdin.buffer\nq = json.loads(r.readline())\nd = r.read(q['bytes'])\n"


@pytest.fixture
def standing_in(tmp_path, monkeypatch):
    """Puts another program in the place of the one that extracts."""

    def put(code):
        program = tmp_path / "program.py"
        program.write_text(code)
        monkeypatch.setattr(index.formats.extraction, "_PROGRAM", (str(program),))
        return Extraction()

    return put


def reason(extraction, kind="pdf", data=b"x"):
    with pytest.raises(Unfit) as caught:
        extraction.extracted(kind, data, 1000)
    assert extraction._process is None
    return str(caught.value)


def test_one_process_serves_all_files_and_is_started_by_the_first():
    extraction = Extraction()
    assert extraction._process is None
    assert STORY in extraction.extracted("html", page().encode(), 10_000)["text"]
    process = extraction._process
    assert extraction.extracted("pdf", pdf_file([STORY]), 10_000)["text"] == STORY
    with pytest.raises(Unfit):
        extraction.extracted("pdf", b"no pdf", 10_000)
    assert extraction._process is process
    extraction.close()
    assert process.returncode == 0
    extraction.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (READ + "os.kill(os.getpid(), signal.SIGSEGV)", f"ended (code {-signal.SIGSEGV})"),
        (READ + "os.abort()", f"ended (code {-signal.SIGABRT})"),
        (READ + "sys.stdout.write('{\"text\": '); sys.exit(4)", "ended (code 4)"),
        (READ + "os.kill(os.getpid(), signal.SIGXCPU)", "over 3 seconds of work"),
    ],
)
def test_a_crash_costs_one_file(standing_in, code, expected):
    # More than a pipe holds, so that the side that asks is still writing when the other one ends.
    for data in (b"x", b"x" * 900_000):
        assert expected in reason(standing_in(code), data=data)


def test_a_file_that_never_ends_is_given_up(standing_in, monkeypatch):
    monkeypatch.setattr(index.formats.extraction, "_PATIENCE", 0.2)
    start = time.monotonic()
    assert "too long" in reason(standing_in(READ + "time.sleep(600)"))
    assert time.monotonic() - start < 30


def test_the_next_file_gets_a_new_process(tmp_path, standing_in):
    mark = tmp_path / "crashed"
    extraction = standing_in(
        READ
        + f"if not os.path.exists({str(mark)!r}):\n    open({str(mark)!r}, 'w')\n    os.abort()\n"
        f"sys.stdout.write({ANSWER.decode()!r} + chr(10))"
    )
    assert "ended" in reason(extraction)
    assert extraction.extracted("pdf", b"x", 1000)["text"] == "T"
    extraction.close()


def test_work_is_bounded_by_the_kernel(monkeypatch):
    monkeypatch.setattr(index.formats.extraction, "BASE_SECONDS", 1)
    # Forms that draw eight others each, 25 levels down: years of work in five kilobytes.
    assert "over 1 seconds of work" in reason(Extraction(), data=laughs(25))


def laughs(levels):
    """A PDF whose page draws a form that draws eight others, and so on down."""
    whole = pdf_file([]).replace(b"0 0 100 100 re f", b"        /A5 Do  ")
    forms = []
    for n in range(levels):
        drawn = b"/A%d Do " % (n + 6) * 8 if n + 1 < levels else b"0 0 1 1 re f"
        forms.append(
            b"%d 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Length %d/Resources<</XObject"
            b"<</A%d %d 0 R>>>>>>stream\n%s\nendstream\nendobj\n"
            % (n + 100, len(drawn), n + 6, n + 101, drawn)
        )
    page_with = whole.replace(b"/Resources<<", b"/Resources<</XObject<</A5 100 0 R>>")
    # Without its table the reader looks for the objects itself.
    head = page_with[: page_with.index(b"xref")]
    return head + b"".join(forms) + b"trailer\n<</Root 1 0 R>>\n"


def test_no_process_to_be_had(monkeypatch):
    def refusing(*args, **kwargs):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(index.formats.extraction.subprocess, "Popen", refusing)
    assert reason(Extraction()).startswith("no process could be started")
