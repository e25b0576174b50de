"""The composition root: settings in, a ready context out. Only this module names adapters."""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from anyio import to_thread
from pydantic import SecretStr

from recollect.app.ids import UuidSource
from recollect.app.offers import InUse, memory_configuration, named_resources
from recollect.app.recalls import Pauses, Retention, open_recall_log
from recollect.app.wiring.models import (
    LoadableEmbedder,
    Model,
    fused,
    open_language_model,
    open_model,
    reranker_of,
    try_model,
)
from recollect.app.wiring.stores import Records, Store, open_store
from recollect.domain.access import LOCAL
from recollect.domain.ranking import shipped_weights
from recollect.domain.scopes import check_scope
from recollect.domain.working_memory import WorkingMemory
from recollect.errors import ConfigError
from recollect.operations.context import Context
from recollect.operations.embedding import model_key
from recollect.ports import (
    DeviceSignIn,
    ForeignRecallLog,
    LanguageModel,
    NoteRepository,
    SecretStore,
)
from recollect.settings import (
    GitAuthSettings,
    KubernetesSecretSettings,
    PostgresStoreSettings,
    SecretStoreName,
    Settings,
)

if TYPE_CHECKING:
    from recollect.adapters.git.repository import Place

__all__ = [
    "Embedders",
    "LoadableEmbedder",
    "Model",
    "Records",
    "Store",
    "fused",
    "open_clone",
    "open_context",
    "open_device_sign_in",
    "open_language_model",
    "open_model",
    "open_note_repositories",
    "open_secret_store",
    "open_store",
    "reranker_of",
]


def open_secret_store(settings: GitAuthSettings, name: SecretStoreName) -> SecretStore:
    """Open one of the places that may keep the token for git.

    Raises:
        ConfigError: What it needs is not installed.
    """
    match name:
        case "file":
            from recollect.adapters.secret_file import SecretFile

            return SecretFile(settings.token_file)
        case "keyring":
            from recollect.adapters.keyring_store import KeyringStore

            return KeyringStore()
        case "k8s-secret":
            return _open_kubernetes_secret(settings.kubernetes)
        case _:
            assert_never(name)


def open_device_sign_in(host: str, client_id: str) -> DeviceSignIn:
    """Open the way to sign in to a host with an OAuth app."""
    from recollect.adapters.device_flow import App, DeviceFlow

    return DeviceFlow(App(host=host, client_id=client_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedders:
    """The context's embedders, not loaded yet."""

    embedder: LoadableEmbedder
    previous_embedder: LoadableEmbedder | None

    async def load_previous(self, context: Context) -> None:
        """Load the previous one if there is one and its vectors still have to answer.

        Raises:
            EmbedderUnavailable: As `load` does.
        """
        if self.previous_embedder is None:
            return
        if await context.vectors.waiting(context.tenant, model_key(context), 1):
            await self.previous_embedder.load()


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncGenerator[tuple[Context, Embedders]]:
    """Open every port, close them in reverse order."""
    async with (
        open_store(settings) as store,
        open_model(settings.embedder) as model,
        _open_previous(settings) as previous,
        _open_writing(settings) as language_model,
        open_recall_log(store.recalls, _retention(settings, store), Pauses()) as recalls,
    ):
        context = Context(
            principal=LOCAL,
            records=store.records,
            log=store.records,
            text=store.text,
            vectors=store.vectors,
            jobs=store.jobs,
            maintenance=store.maintenance,
            recalls=recalls,
            recalls_kept=_kept(settings),
            foreign_recalls=_foreign_recalls(),
            embedder=model.embedder,
            tokens=model.tokens,
            weights=shipped_weights(),
            now=_now,
            new_id=UuidSource(),
            resources=named_resources(
                InUse(
                    settings=settings,
                    embedder=model.embedder,
                    maintenance=store.maintenance,
                    try_model=try_model,
                    reranker_of=reranker_of,
                )
            ),
            configuration=memory_configuration(settings),
            previous_embedder=previous,
            working=WorkingMemory(**settings.working_memory.model_dump()),
            language_model=language_model,
            reranker=settings.reranker and reranker_of(settings.reranker, model.embedder),
            reranked=settings.reranked,
            # Less than a request may take, so that no write fails for want of its vectors.
            patience=timedelta(seconds=settings.deadline_seconds * 2 / 3),
        )
        yield context, Embedders(embedder=model.embedder, previous_embedder=previous)


@asynccontextmanager
async def _open_previous(settings: Settings) -> AsyncGenerator[LoadableEmbedder | None]:
    if settings.previous_embedder is None:
        yield None
        return
    async with open_model(settings.previous_embedder) as model:
        yield model.embedder


@asynccontextmanager
async def _open_writing(settings: Settings) -> AsyncGenerator[LanguageModel | None]:
    if settings.language_model is None:
        yield None
        return
    async with open_language_model(settings.language_model) as model:
        yield model


def _retention(settings: Settings, store: Store) -> Retention:
    return Retention(tenants=store.records.tenants, keep=_kept(settings), now=_now)


def _kept(settings: Settings) -> timedelta:
    return timedelta(days=settings.recall_log_days)


def _foreign_recalls() -> ForeignRecallLog:
    from recollect.adapters.memory_mcp import MemoryMcpRecallLog

    return MemoryMcpRecallLog()


def _now() -> datetime:
    return datetime.now(UTC)


def _open_kubernetes_secret(settings: KubernetesSecretSettings) -> SecretStore:
    try:
        from recollect.adapters.kubernetes_secret import KubernetesSecret
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"a Kubernetes Secret needs the package {error.name}: "
            "pip install 'recollect[kubernetes]'"
        ) from error
    return KubernetesSecret(settings.namespace, settings.secret, settings.kubeconfig)


async def open_note_repositories(
    settings: Settings, credential: Callable[[str], Awaitable[SecretStr | None]]
) -> list[NoteRepository]:
    """The repositories that notes are mirrored to.

    Args:
        settings: Where they are.
        credential: Gives the token for a remote's address.

    Raises:
        Unavailable: A folder cannot be used.
        ConfigError: Two are to lie in one folder, or an address holds a password.
    """
    # Importing libgit2 takes a tenth of a second; done in a thread, a server answers meanwhile.
    await to_thread.run_sync(import_module, "recollect.adapters.git.repository")
    from recollect.adapters.git.repository import Place

    git = settings.git
    default = git.path or settings.data_dir / "notes"
    store = _store_of(settings)
    places = [Place(path=default, branch=git.branch, remote_url=git.remote_url, store=store)]
    for remote in git.remotes:
        scope = check_scope(remote.scope)
        beside = default.with_name(f"{default.name}-{scope.replace('/', '%2F')}")
        place = Place(
            path=remote.path or beside,
            prefix=scope,
            branch=remote.branch or git.branch,
            remote_url=remote.url,
            store=store,
        )
        places.append(place)
    if len({place.path.resolve() for place in places}) < len(places):
        raise ConfigError("two repositories of notes are to lie in one folder; see git.remotes")
    return [await _open_repository(settings, place, credential) for place in places]


def _store_of(settings: Settings) -> str:
    """Tells the store from others on this machine, without any secret."""
    match settings.store:
        case PostgresStoreSettings(url=url):
            # Hashed, since the path of an address in words holds the password.
            address = urlsplit(url.get_secret_value())
            place = f"{address.hostname}:{address.port}{address.path}"
            return hashlib.sha256(place.encode()).hexdigest()
        case _:
            return str(settings.data_dir.resolve())


async def open_clone(
    settings: Settings,
    path: Path,
    url: str,
    branch: str,
    credential: Callable[[str], Awaitable[SecretStr | None]],
) -> NoteRepository:
    """A repository of its own in a new folder, to fetch from this remote. Raises as above."""
    from recollect.adapters.git.repository import Place

    place = Place(path=path, branch=branch, remote_url=url)
    return await _open_repository(settings, place, credential)


async def _open_repository(
    settings: Settings,
    place: "Place",
    credential: Callable[[str], Awaitable[SecretStr | None]],
) -> NoteRepository:
    from recollect.adapters.git.repository import open_repository

    return await open_repository(
        place,
        credential=credential,
        deadline_seconds=settings.git.deadline_seconds,
    )
