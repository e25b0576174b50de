from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

import recollect
from recollect import settings
from recollect.app.ids import UuidSource
from recollect.app.serve import open_app
from recollect.errors import ConfigError
from recollect.settings.postgres import usual_url


def test_a_misspelt_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOLLECT_STORR__KIND", "sqlite")
    with pytest.raises(ConfigError, match="RECOLLECT_STORR__KIND"):
        settings.load()


def test_a_wrong_value_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOLLECT_PORT", "s3cret")
    with pytest.raises(ConfigError, match="port") as raised:
        settings.load()
    assert "s3cret" not in str(raised.value)


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECOLLECT_DATA_DIR", "/elsewhere")
    assert settings.load(data_dir=tmp_path).data_dir == tmp_path
    assert settings.load().data_dir == Path("/elsewhere")


def test_an_empty_data_folder_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="data_dir: must not be empty"):
        settings.load(data_dir="")
    with pytest.raises(ConfigError, match="data_dir"):
        recollect.open("")
    monkeypatch.setenv("RECOLLECT_DATA_DIR", "")
    with pytest.raises(ConfigError, match="data_dir"):
        settings.load()


def test_nested_variables_choose_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOLLECT_STORE__KIND", "in_memory")
    assert settings.load().store == settings.InMemoryStoreSettings()


def test_a_setting_of_another_kind_tells_which_variable_chooses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOLLECT_STORE__URL", "postgresql://user:s3cret@host/name")
    with pytest.raises(ConfigError, match="RECOLLECT_STORE__KIND chooses another") as raised:
        settings.load()
    assert "s3cret" not in str(raised.value)


POSTGRES = ("URL", "HOST", "PORT", "USER", "PASSWORD", "DB", "SSL_MODE", "SSL_ROOT_CERT")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """None of those that name a database."""
    for name in POSTGRES:
        monkeypatch.delenv(f"POSTGRES_{name}", raising=False)
    return monkeypatch


def database() -> dict[str, object]:
    """The database that the settings name, in parts; without what libpq adds."""
    store = settings.load().store
    assert isinstance(store, settings.PostgresStoreSettings)
    return conninfo_to_dict(store.url.get_secret_value())


def test_the_variables_that_many_use_name_a_database_but_do_not_choose_it(
    variables: pytest.MonkeyPatch,
) -> None:
    variables.setenv("POSTGRES_URL", "postgresql://user@theirs/name")
    variables.setenv("POSTGRES_HOST", "not read beside a URL")
    assert settings.load().store == settings.SqliteStoreSettings()
    variables.setenv("RECOLLECT_STORE__KIND", "postgres")
    assert database() == {"user": "user", "host": "theirs", "dbname": "name"}
    variables.setenv("POSTGRES_SSL_MODE", "verify-full")
    variables.setenv("POSTGRES_SSL_ROOT_CERT", "/etc/ca & more.pem")
    encryption = {"sslmode": "verify-full", "sslrootcert": "/etc/ca & more.pem"}
    assert database() == {"user": "user", "host": "theirs", "dbname": "name"} | encryption
    variables.setenv("RECOLLECT_STORE__URL", "postgresql://ours/name")
    assert database() == {"host": "ours", "dbname": "name"}
    variables.setenv("RECOLLECT_STORE__URL", "")
    variables.setenv("POSTGRES_URL", "postgresql://theirs/name?sslmode=prefer")
    assert database() == {"host": "theirs", "dbname": "name"} | encryption


@given(
    parts=st.fixed_dictionaries(
        {"host": st.sampled_from(["db", "127.0.0.1", "::1", "/run/a folder"])},
        optional={
            "port": st.sampled_from(["5432", "6543"]),
            "user": st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
            "password": st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
            "dbname": st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1),
        },
    )
)
def test_a_database_is_put_together_from_any_parts(parts: dict[str, str]) -> None:
    named = {f"POSTGRES_{'DB' if n == 'dbname' else n.upper()}": v for n, v in parts.items()}
    url = usual_url(named)
    assert url is not None
    assert conninfo_to_dict(url) == parts


def test_a_store_in_postgres_without_a_database_stops_the_start(
    variables: pytest.MonkeyPatch,
) -> None:
    variables.setenv("RECOLLECT_STORE__KIND", "postgres")
    variables.setenv("POSTGRES_PASSWORD", "s3cret")
    with pytest.raises(ConfigError, match="set RECOLLECT_STORE__URL") as raised:
        settings.load()
    assert "s3cret" not in str(raised.value)


def test_the_usual_kind_need_not_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__PATH", "/models")
    assert settings.load().embedder == settings.MiniLmSettings(path=Path("/models"))


def test_the_previous_embedder_is_chosen_like_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.load().previous_embedder is None
    monkeypatch.setenv("RECOLLECT_PREVIOUS_EMBEDDER__KIND", "hashing")
    monkeypatch.setenv("RECOLLECT_PREVIOUS_EMBEDDER__DIMENSIONS", "32")
    assert settings.load().previous_embedder == settings.HashingSettings(dimensions=32)
    monkeypatch.setenv("RECOLLECT_PREVIOUS_EMBEDDER__DIMENSION", "32")
    with pytest.raises(ConfigError, match="DIMENSION"):
        settings.load()


def test_an_empty_token_or_a_list_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOLLECT_TOKEN", "")
    with pytest.raises(ConfigError, match="token"):
        settings.load()
    monkeypatch.setenv("RECOLLECT_TOKEN", "t")
    monkeypatch.setenv("RECOLLECT_ALLOWED_HOSTS", "example.org")
    with pytest.raises(ConfigError, match="JSON"):
        settings.load()
    monkeypatch.delenv("RECOLLECT_ALLOWED_HOSTS")
    monkeypatch.setenv("RECOLLECT_GIT__REMOTES", '[{"scope": "acme"}')
    with pytest.raises(ConfigError, match="RECOLLECT_GIT__REMOTES"):
        settings.load()


def test_a_path_may_begin_at_home_where_no_shell_has_seen_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RECOLLECT_GIT__PATH", "~/notes")
    monkeypatch.setenv("RECOLLECT_GIT__REMOTES", '[{"scope": "acme", "path": "~/acme"}]')
    chosen = settings.load(data_dir=Path("~/memory"))
    assert chosen.data_dir == tmp_path / "memory"
    assert chosen.git.path == tmp_path / "notes"
    assert chosen.git.remotes[0].path == tmp_path / "acme"
    monkeypatch.setenv("RECOLLECT_GIT__PATH", "~nobody-of-this-name/notes")
    with pytest.raises(ConfigError, match="home"):
        settings.load()


@pytest.mark.parametrize("store", ["in_memory", "sqlite"])
@pytest.mark.anyio
async def test_every_store_opens_and_closes(store: str, tmp_path: Path) -> None:
    chosen = settings.load(data_dir=tmp_path, store={"kind": store}, embedder={"kind": "hashing"})
    async with open_app(chosen):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104
@pytest.mark.anyio
async def test_it_does_not_listen_beyond_loopback_without_a_credential(
    host: str, tmp_path: Path
) -> None:
    chosen = settings.load(data_dir=tmp_path, host=host, store={"kind": "in_memory"})
    with pytest.raises(ConfigError):
        async with open_app(chosen):
            pass


def test_ids_sort_in_the_order_they_were_made() -> None:
    new_id = UuidSource()
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(i[14] == "7" and i[19] in "89ab" for i in ids)


def test_openais_key_is_read_from_its_own_variable_for_openai_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def key() -> str | None:
        embedder = settings.load().embedder
        assert isinstance(embedder, settings.OpenAiEmbedderSettings)
        return embedder.api_key and embedder.api_key.get_secret_value()

    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert key() is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\n")
    assert key() == "sk-1"
    assert "sk-1" not in repr(settings.load())
    monkeypatch.setenv("RECOLLECT_EMBEDDER__BASE_URL", "http://ollama:11434/v1/")
    assert key() is None
    monkeypatch.setenv("RECOLLECT_EMBEDDER__API_KEY", "own")
    assert key() == "own"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_KEY", "sk 1"),
        ("API_KEY", "sk-ü"),
        ("BASE_URL", "ollama:11434/v1"),
        ("BASE_URL", "ftp://host/v1"),
        ("BASE_URL", "http://user:secret@host/v1"),
        ("BASE_URL", "http://host/v1?key=secret"),
        ("BASE_URL", "http:///v1"),
        ("DIMENSIONS", "0"),
        ("MODEL", ""),
    ],
)
def test_what_would_not_reach_a_model_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "openai")
    monkeypatch.setenv(f"RECOLLECT_EMBEDDER__{variable}", value)
    with pytest.raises(ConfigError, match=variable.lower()) as raised:
        settings.load()
    assert not value or value not in str(raised.value)


def test_language_models_and_rerankers_are_chosen_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().language_model is None
    assert settings.load().reranker is None
    monkeypatch.setenv("RECOLLECT_LANGUAGE_MODEL__KIND", "openai-chat-completions")
    monkeypatch.setenv("RECOLLECT_LANGUAGE_MODEL__BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("RECOLLECT_RERANKER__KIND", "rrf-hybrid")
    monkeypatch.setenv("RECOLLECT_RERANKER__RERANKERS", '[{"kind": "bm25", "k1": 2}]')
    loaded = settings.load()
    assert loaded.language_model == settings.OpenAiLanguageModelSettings(
        kind="openai-chat-completions", base_url="http://127.0.0.1:11434/v1"
    )
    assert loaded.reranker == settings.FusedRerankerSettings(
        rerankers=(settings.Bm25RerankerSettings(k1=2),)
    )
    monkeypatch.setenv("RECOLLECT_RERANKER__RERANKERS", "bm25")
    with pytest.raises(ConfigError, match="RECOLLECT_RERANKER__RERANKERS"):
        settings.load()
