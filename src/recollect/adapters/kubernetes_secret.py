"""A secret in a Kubernetes Secret; needs the extra `recollect[kubernetes]`."""

# The client's models have types; what loads its configuration, and its errors, have none.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from base64 import b64decode, b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from anyio import fail_after, to_thread
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError
from yaml import YAMLError

from recollect.errors import SecretStoreUnavailable

T = TypeVar("T")

KEY: Final = "token"
LABELS: Final = {
    "app.kubernetes.io/managed-by": "recollect",
    "app.kubernetes.io/component": "auth",
}
REQUEST_TIMEOUT_SECONDS: Final = (10, 30)
"""For connecting and for reading."""
DEADLINE_SECONDS: Final = 60
"""For everything: finding the cluster, perhaps by a program, and up to two requests."""

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


class KubernetesSecret:
    """Keeps a secret under the key `token` of a Secret; other keys of it are left alone.

    Asks the cluster that this pod's service account belongs to, else kubectl's.
    """

    def __init__(self, namespace: str, name: str, kubeconfig: Path | None = None) -> None:
        self._namespace = namespace
        self._name = name
        self._kubeconfig = kubeconfig

    @property
    def place(self) -> str:
        return f"the Kubernetes Secret {self._namespace}/{self._name}"

    async def get(self) -> str | None:
        return await self._run(self._read)

    async def check(self) -> None:
        await self._run(lambda _: None)

    async def set(self, secret: str) -> None:
        await self._run(lambda api: self._write(api, b64encode(secret.encode()).decode()))

    async def delete(self) -> bool:
        return await self._run(self._delete)

    async def _run(self, work: Callable[[client.CoreV1Api], T]) -> T:
        def connect_and_work() -> T:
            with client.ApiClient(self._configuration()) as connection, self._translated():
                return work(client.CoreV1Api(connection))

        try:
            with fail_after(DEADLINE_SECONDS):
                return await to_thread.run_sync(connect_and_work, abandon_on_cancel=True)
        except TimeoutError:
            raise self._unavailable(f"gave no answer within {DEADLINE_SECONDS} s") from None

    def _configuration(self) -> client.Configuration:
        configuration = client.Configuration()
        # The client would try writes again too, and follow redirects.
        configuration.retries = False  # pyright: ignore[reportAttributeAccessIssue]
        try:
            self._load(configuration)
        except (config.ConfigException, YAMLError, OSError, TypeError, ValueError) as error:
            raise SecretStoreUnavailable(
                f"no Kubernetes cluster to keep {self.place}: this is no pod with a service "
                f"account, and the kubeconfig cannot be used ({type(error).__name__}); "
                "name one with KUBECONFIG or RECOLLECT_GIT__AUTH__KUBERNETES__KUBECONFIG"
            ) from None
        return configuration

    def _load(self, configuration: client.Configuration) -> None:
        if self._kubeconfig is not None:
            config.load_kube_config(str(self._kubeconfig), client_configuration=configuration)
            return
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration)

    def _read(self, api: client.CoreV1Api) -> str | None:
        found = self._found(api)
        kept = (found.data or {}).get(KEY) if found else None
        return b64decode(kept, validate=True).decode() if kept else None

    def _write(self, api: client.CoreV1Api, encoded: str) -> None:
        new = client.V1Secret(
            metadata=client.V1ObjectMeta(name=self._name, labels=LABELS),
            type="Opaque",
            data={KEY: encoded},
        )
        try:
            api.create_namespaced_secret(
                self._namespace, new, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
        except ApiException as error:
            if error.status != _CONFLICT:
                raise
            self._overwrite(api, encoded)

    def _overwrite(self, api: client.CoreV1Api, encoded: str) -> None:
        kept = self._found(api)
        if kept is None or kept.metadata is None:
            raise self._unavailable("was deleted at the same time; try again")
        kept.metadata.labels = {**(kept.metadata.labels or {}), **LABELS}
        kept.data = {**(kept.data or {}), KEY: encoded}
        self._replace(api, kept)

    def _delete(self, api: client.CoreV1Api) -> bool:
        found = self._found(api)
        if found is None or KEY not in (found.data or {}):
            return False
        found.data = {key: kept for key, kept in (found.data or {}).items() if key != KEY}
        if found.data:
            self._replace(api, found)
        else:
            api.delete_namespaced_secret(
                self._name, self._namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
        return True

    def _found(self, api: client.CoreV1Api) -> client.V1Secret | None:
        try:
            return api.read_namespaced_secret(
                self._name, self._namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _replace(self, api: client.CoreV1Api, changed: client.V1Secret) -> None:
        """Write what was read and changed; its resourceVersion makes sure that it is still that."""
        api.replace_namespaced_secret(
            self._name, self._namespace, changed, _request_timeout=REQUEST_TIMEOUT_SECONDS
        )

    @contextmanager
    def _translated(self) -> Generator[None]:
        # No cause is kept: an answer of the cluster may repeat what it was sent.
        try:
            yield
        except ApiException as error:
            raise self._unavailable(self._explained(error)) from None
        except HTTPError as error:
            raise self._unavailable(
                f"is out of reach: no answer from the cluster ({type(error).__name__})"
            ) from None
        except ValueError:
            raise self._unavailable(f"does not hold text under its key {KEY}") from None

    def _explained(self, error: ApiException) -> str:
        match error.status:
            case 403:
                return (
                    "must not be touched by this account: its Role needs the verbs get, create, "
                    "update and delete on secrets"
                )
            case 404:
                return (
                    f"has no place: the namespace {self._namespace} does not exist; create it, or "
                    "set RECOLLECT_GIT__AUTH__KUBERNETES__NAMESPACE"
                )
            case 409:
                return "was changed by somebody else at the same time; try again"
            case _:
                return f"cannot be used: the cluster answered {error.status} {error.reason}"

    def _unavailable(self, problem: str) -> SecretStoreUnavailable:
        return SecretStoreUnavailable(f"{self.place} {problem}")
