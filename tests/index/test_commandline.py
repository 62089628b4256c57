"""What any command prints can't steer a terminal, fits its encoding, and fails with code 2."""

import io
import json
import os
import subprocess
import sys
import unicodedata

import pytest

import wirecheck
from index.commandline import Shown, ToldProgress, ended

HOSTILE = "a\x1b[2Jb\x9b31mc\x85d\u202ee\u2066f\rg\x07h\x7fi\u2028j"


def steering(text: str) -> list[str]:
    """The characters of a text that could steer a terminal."""
    turning = {
        "\u2028",
        "\u2029",
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2066, 0x206A)),
    }
    return [
        c for c in text if c in turning or (unicodedata.category(c) == "Cc" and c not in "\n\t")
    ]


def test_what_a_command_prints_cannot_steer_the_terminal(capsys):
    def run() -> int:
        sys.stdout.writelines([HOSTILE, "\n", "tab\tand שלום, زبان and “quotes” stay\n"])
        sys.stderr.write(HOSTILE)
        return 0

    assert ended(run) == 0
    told = capsys.readouterr()
    assert not steering(told.out) and not steering(told.err)
    assert "a\\u001b[2Jb\\u009b31mc\\u0085d\\u202e" in told.out
    assert "tab\tand שלום, زبان and “quotes” stay\n" in told.out


def test_a_line_that_counts_still_counts(capsys):
    def run() -> int:
        for line in ("\rpassages 1/2", "model 40 %\r", "\r[1/2] done\x1b[K"):
            sys.stderr.write(line)
        return 0

    assert ended(run) == 0
    assert capsys.readouterr().err == "\rpassages 1/2model 40 %\r\r[1/2] done\x1b[K"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_json_stays_the_same_json_in_any_encoding(encoding):
    data = {"text": HOSTILE + "“é” \N{FERRY} \N{OLD ITALIC LETTER A} \ud800"}
    raw = io.BytesIO()
    stream = Shown(io.TextIOWrapper(raw, encoding=encoding, newline=""))
    stream.write(json.dumps(data, ensure_ascii=False))
    stream.flush()
    written = raw.getvalue().decode(encoding)
    assert json.loads(written) == data and not steering(written)


def test_what_a_command_prints_is_told_in_an_encoding_without_its_letters():
    words = [sys.executable, "-m", "wirecheck", "search", "“nine”", "--index", "Ostmére"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, env=env)
    assert done.returncode == 2 and done.stderr.startswith(b"wirecheck: Ostm\\u00e9re: no index")


@pytest.mark.parametrize(
    "words",
    [
        ["search", "q", "--index", HOSTILE],
        ["search", "q", "--index", "a\nwirecheck: all is well"],
        ["verify", HOSTILE],
        ["ask", "q", HOSTILE],
        [HOSTILE],
        ["ask", "q", "--model", HOSTILE, "--index", "nowhere"],
    ],
)
def test_ones_own_arguments_are_told_harmlessly(words, capsys):
    try:
        assert wirecheck.main(words) == 2
    except SystemExit as usage:
        assert usage.code == 2
    told = capsys.readouterr().err
    assert told and not steering(told)
    assert not any(line.startswith("wirecheck: all is well") for line in told.splitlines())


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "x"),
        BaseException("a native panic"),
    ],
)
def test_a_fault_of_ours_is_no_verdict(error, capsys):
    def run() -> int:
        raise error

    assert ended(run) == 2
    assert "Traceback" in capsys.readouterr().err


class TestProgress:
    @pytest.fixture
    def told(self, monkeypatch, capsys):
        """Tell steps, (seconds passed, done, total, what), on a terminal or not; what is seen."""
        clock = [50.0]
        monkeypatch.setattr("index.commandline.time.monotonic", lambda: clock[0])

        def tell(steps, watched=True):
            monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
            progress = ToldProgress()
            for passed, *step in steps:
                clock[0] += passed
                progress(*step)
            return capsys.readouterr().err

        return tell

    def test_speed_and_time_left(self, told):
        steps = [(0, 2, 0, "reading"), (9, 5, 300, "embedding"), (4, 20, 300, "embedding")]
        assert told([*steps, (46, 300, 300, "embedding")]) == (
            "\rreading 2 articles\x1b[K\rembedding 5/300 articles\x1b[K"
            "\rembedding 20/300 articles, 5.0 a second, 56 s left\x1b[K"
            "\rembedding 300/300 articles, 6.0 a second\x1b[K\n"
        )

    def test_long_times_are_told_in_minutes(self, told):
        steps = [(0, 0, 300, "embedding"), (60, 100, 300, "embedding")]
        assert "1.7 a second, 2 min 0 s left" in told(steps)

    def test_where_nobody_watches_only_the_last_is_told(self, told):
        steps = [(0, 1, 0, "reading"), (0, 1, 2, "embedding"), (9, 2, 2, "embedding")]
        assert told(steps, watched=False) == "embedding 2/2 articles, 0.2 a second\n"
