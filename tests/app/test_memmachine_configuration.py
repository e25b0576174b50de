"""A `configuration.yml` of MemMachine, read as it stands."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from recollect import settings
from recollect.app.offers import memory_configuration
from recollect.errors import ConfigError
from recollect.settings.memmachine.translation import settings_of

FULL = """
# What a deployment has; anchors, comments and quotes as people write them.
LOGGING:
  Path: /app/data/memmachine.log
  level: INFO
episode_store:
  database: Episodes
episodic_memory:
  metrics_factory_id: prometheus
  long_term_memory:
    backend: event
    embedder: Default_Embedder
    reranker: my_reranker_id
    vector_store: vectors
    segment_store: Episodes
    properties_schema: {Topic: str, due: datetime}
    segmenter: {type: text, max_chunk_length: 400}
  short_term_memory:
    llm_model: Default_Model
    message_capacity: 500
semantic_memory:
  database: Episodes
  config_database: Episodes
  embedding_model: default_embedder
  ingestion_trigger_age: 60
session_manager:
  database: Episodes
prompt:
  default_project_categories: []
  default_user_categories:
    - profile_prompt
server:
  host: localhost
  port: 8090
resources:
  databases:
    Episodes:
      provider: sqlite
      config: {path: "${HOME_OF_DATA}/memmachine.db", pool_size: 5}
    vectors:
      provider: sqlite_vector_store
      config: {path: $HOME_OF_DATA/vectors.db}
  embedders:
    Default_Embedder:
      provider: openai
      config:
        model: nomic-embed-text
        api_key: $OPENAI_API_KEY
        base_url: "http://127.0.0.1:$MODEL_PORT/v1"
        dimensions: "768"
    other:
      provider: sentence-transformer
      config: {model: sentence-transformers/all-MiniLM-L6-v2}
  language_models:
    default_model:
      provider: openai-chat-completions
      config: {model: llama3, api_key: EMPTY, base_url: "http://127.0.0.1:$MODEL_PORT/v1"}
    larger:
      provider: openai-responses
      config: {api_key: $OPENAI_API_KEY, request_timeout_seconds: 30}
  rerankers:
    my_reranker_id:
      provider: rrf-hybrid
      config: {reranker_ids: [id_ranker_id, BM_ranker_id]}
    id_ranker_id: {provider: identity}
    bm_ranker_id:
      provider: bm25
      config: {k1: 2, tokenizer: default}
    untouched:
      provider: embedder
      config:
        embedder_id: DEFAULT_EMBEDDER
"""
TWO_EMBEDDERS = """
semantic_memory: {embedding_model: b}
episodic_memory: {long_term_memory: {embedder: a}}
resources:
  embedders:
    a: {provider: openai}
    b: {provider: openai, config: {model: another}}
"""
VARIABLES = {"HOME_OF_DATA": "/data", "OPENAI_API_KEY": "sk-secret", "MODEL_PORT": "9999"}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "configuration.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("HOST", "PORT", "LOG_LEVEL", "MEMORY_CONFIG", "MEMMACHINE_CONFIG_API"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def refusal(path: Path, environment: Mapping[str, str] = VARIABLES) -> str:
    with pytest.raises(ConfigError) as refused:
        settings_of(path, environment)
    return str(refused.value)


def with_resources(kind: str, resource: str) -> str:
    return f"resources: {{{kind}: {{mine: {resource}}}}}"


@pytest.mark.usefixtures("variables")
def test_a_whole_file_becomes_our_settings(write: Write) -> None:
    chosen = settings.load(configuration=write(FULL))

    assert chosen.data_dir == Path("/data/recollect")
    assert (chosen.host, chosen.port, chosen.log_level) == ("localhost", 8090, "info")
    assert isinstance(chosen.embedder, settings.OpenAiEmbedderSettings)
    assert chosen.embedder.base_url == "http://127.0.0.1:9999/v1"
    assert chosen.embedder.dimensions == 768
    assert chosen.embedder.api_key is not None
    assert chosen.embedder.api_key.get_secret_value() == "sk-secret"
    assert isinstance(chosen.language_model, settings.OpenAiLanguageModelSettings)
    assert chosen.language_model.kind == "openai-chat-completions"
    assert chosen.language_model.model == "llama3"
    assert chosen.reranker == settings.FusedRerankerSettings(
        rerankers=(settings.IdentityRerankerSettings(), settings.Bm25RerankerSettings(k1=2))
    )
    assert chosen.working_memory.window_tokens == 125
    assert "sk-secret" not in repr(chosen)


@pytest.mark.usefixtures("variables")
def test_a_whole_file_says_how_conversations_are_remembered(write: Write) -> None:
    memory = memory_configuration(settings.load(configuration=write(FULL)))

    long = memory.episodic_memory.long_term_memory
    assert (long.backend, long.embedder, long.reranker) == (
        "event",
        "Default_Embedder",
        "my_reranker_id",
    )
    assert long.properties_schema == {"Topic": "str", "due": "datetime"}
    assert memory.episodic_memory.short_term_memory.message_capacity == 500
    assert memory.semantic_memory.project_categories == ()
    assert memory.semantic_memory.user_categories == ("profile_prompt",)
    assert memory.semantic_memory.ingestion_trigger_age_seconds == 60


@pytest.mark.usefixtures("variables")
def test_keys_without_effect_are_told(write: Write) -> None:
    configured = settings.load(configuration=write(FULL)).configured
    assert configured is not None
    assert set(configured.unused) == {
        "logging.path",
        "episodic_memory.metrics_factory_id",
        "episodic_memory.long_term_memory.segmenter",
        "resources.databases.Episodes.config.pool_size",
        "resources.rerankers.bm_ranker_id.config.tokenizer",
    }


def test_options_go_before_our_variables_and_those_before_memmachines_and_the_file(
    write: Write, variables: pytest.MonkeyPatch
) -> None:
    variables.setenv("RECOLLECT_CONFIGURATION", str(write(FULL)))
    assert settings.load().port == 8090
    variables.setenv("PORT", "8091")
    variables.setenv("HOST", "127.0.0.2")
    variables.setenv("LOG_LEVEL", "WARNING")
    chosen = settings.load()
    assert (chosen.host, chosen.port, chosen.log_level) == ("127.0.0.2", 8091, "warning")
    variables.setenv("RECOLLECT_PORT", "8092")
    variables.setenv("RECOLLECT_DATA_DIR", "/elsewhere")
    assert settings.load().port == 8092
    assert settings.load().data_dir == Path("/elsewhere")
    assert settings.load(port=8093).port == 8093


def test_another_embedder_in_a_variable_replaces_the_files_as_a_whole(
    write: Write, variables: pytest.MonkeyPatch
) -> None:
    variables.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    assert settings.load(configuration=write(FULL)).embedder == settings.HashingSettings()
    variables.setenv("RECOLLECT_EMBEDDER__KIND", "openai")
    variables.setenv("RECOLLECT_EMBEDDER__MODEL", "larger")
    chosen = settings.load(configuration=write(FULL)).embedder
    assert isinstance(chosen, settings.OpenAiEmbedderSettings)
    assert (chosen.model, chosen.dimensions) == ("larger", 768)


def test_memmachines_own_variables_are_read(write: Write, variables: pytest.MonkeyPatch) -> None:
    variables.setenv("PORT", "8091")
    variables.setenv("MEMORY_CONFIG", "")
    assert settings.load().port == 8080
    variables.setenv("MEMORY_CONFIG", str(write(FULL)))
    assert settings.load().port == 8091
    assert not settings.load().memmachine.config_api
    variables.setenv("MEMMACHINE_CONFIG_API", "1")
    assert settings.load().memmachine.config_api
    variables.setenv("RECOLLECT_MEMMACHINE__CONFIG_API", "false")
    assert not settings.load().memmachine.config_api


@pytest.mark.usefixtures("variables")
def test_what_the_file_leaves_out_is_as_without_it(write: Write) -> None:
    usual = settings.load()
    chosen = settings.load(configuration=write("server: {}\nprompt:\n"))
    assert (chosen.host, chosen.port, chosen.data_dir) == (usual.host, usual.port, usual.data_dir)
    assert chosen.embedder == usual.embedder


@pytest.mark.usefixtures("variables")
def test_to_keep_the_order_no_reranker_is_asked(write: Write) -> None:
    text = "episodic_memory: {long_term_memory: {reranker: mine}}\n" + with_resources(
        "rerankers", "{provider: identity}"
    )
    assert settings.load(configuration=write(text)).reranker is None


@pytest.mark.usefixtures("variables")
def test_the_built_in_model_is_known_by_its_own_name(write: Write) -> None:
    text = with_resources("embedders", "{provider: sentence-transformer, config: {model: %s}}")
    own = write(text % "all-MiniLM-L6-v2")
    assert isinstance(settings.load(configuration=own).embedder, settings.MiniLmSettings)
    assert "PyTorch" in refusal(write(text % "BAAI/bge-small-en"))


@pytest.mark.usefixtures("variables")
def test_memory_in_the_process_is_asked_for_as_there(write: Write) -> None:
    text = with_resources("databases", "{provider: sqlite, config: {path: ':memory:'}}")
    chosen = settings.load(configuration=write(text))
    assert chosen.store == settings.InMemoryStoreSettings()


SEVERAL = """
episode_store: {database: Main}
session_manager: {database: main}
semantic_memory: {database: facts, config_database: Local, storage_backend: pgvector}
episodic_memory: {long_term_memory: {vector_graph_store: graph}}
resources:
  databases:
    local: {provider: sqlite, config: {path: /data/memmachine.db, pool_recycle: 5}}
    graph: {provider: neo4j, config: {uri: "bolt://graph:7687", password: $PASSWORD, any: thing}}
    facts: {provider: postgres, config: {host: db, db_name: facts}}
    main:
      provider: postgres
      config: &main
        host: db
        port: "5433"
        user: memory
        password: $PASSWORD
        db_name: memory
        pool_size: 5
        max_overflow: 10
        pool_timeout: 3
        pool_recycle: -1
    same: {provider: postgres, config: *main}
"""


@pytest.fixture
def several(write: Write, variables: pytest.MonkeyPatch) -> Path:
    """A file with several databases."""
    for name in ("POSTGRES_URL", "POSTGRES_HOST"):
        variables.delenv(name, raising=False)
    variables.setenv("PASSWORD", "p@ss/w:rd#&%$")
    return write(SEVERAL)


def in_postgres(path: Path) -> tuple[settings.PostgresStoreSettings, dict[str, object]]:
    """The store that the settings choose, and its database in parts."""
    store = settings.load(configuration=path).store
    assert isinstance(store, settings.PostgresStoreSettings)
    return store, conninfo_to_dict(store.url.get_secret_value())


def test_everything_is_kept_in_the_database_of_the_episode_store(several: Path) -> None:
    store, parts = in_postgres(several)
    named = {"host": "db", "port": "5433", "user": "memory", "dbname": "memory"}
    assert parts == named | {"password": "p@ss/w:rd#&%$"}
    assert (store.pool_size, store.connect_seconds) == (15, 3)
    assert "p@ss" not in repr(settings.load(configuration=several))


def test_databases_that_are_not_used_are_told(several: Path) -> None:
    configured = settings.load(configuration=several).configured
    assert configured is not None
    assert {resource.name for resource in configured.replaced} == {"local", "graph", "facts"}
    assert set(configured.unused) == {
        *(f"resources.databases.{name}" for name in ("local", "graph", "facts")),
        *(f"resources.databases.{name}.config.pool_recycle" for name in ("main", "same")),
    }


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("named", "kept_in"),
    [
        ("session_manager: {database: facts}", "facts"),
        ("semantic_memory: {config_database: main}", "main"),
        ("session_manager: {database: local}", None),
        ("semantic_memory: {database: main}", None),
    ],
)
def test_without_an_episode_store_the_next_one_that_is_named_counts_then_the_first(
    write: Write, named: str, kept_in: str | None
) -> None:
    configured = settings.load(
        configuration=write(named + SEVERAL[SEVERAL.index("\nresources") :])
    ).configured
    assert configured is not None
    assert configured.home is not None
    assert configured.home.name == (kept_in or "local")


def test_our_variables_choose_another_store_or_database_than_the_file(
    several: Path, variables: pytest.MonkeyPatch
) -> None:
    variables.setenv("POSTGRES_URL", "postgresql://others/name")
    assert in_postgres(several)[1]["host"] == "db"
    variables.setenv("RECOLLECT_STORE__URL", "postgresql://ours/name")
    store, parts = in_postgres(several)
    assert (parts, store.pool_size) == ({"host": "ours", "dbname": "name"}, 15)
    variables.delenv("RECOLLECT_STORE__URL")
    variables.setenv("RECOLLECT_STORE__KIND", "sqlite")
    assert settings.load(configuration=several).store == settings.SqliteStoreSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("episodic_memry: {}", ["episodic_memry: unknown key"]),
        ("logging: {levl: info}", ["logging.levl: unknown key"]),
        ("logging: {level: loud}", ["logging.level: "]),
        ("server: {port: 99999}", ["server.port: "]),
        ("episode_store: {database: nowhere}", ["episode_store.database: ", "nowhere"]),
        ("retrieval_agent: {reranker: nowhere}", ["retrieval_agent.reranker: ", "nowhere"]),
        ("prompt: {default_org_categories: [poetry]}", ["prompt.default_org_categories.0: "]),
        ("prompt: {default_user_categories: [crm_prompt]}", ["crm_prompt is not built yet"]),
        ("semantic_memory: {storage_backend: floppy}", ["semantic_memory.storage_backend: "]),
        (
            "episode_store: {database: mine}\n" + with_resources("databases", "{provider: neo4j}"),
            ["episode_store.database: must name a database of sqlite or postgres"],
        ),
        (
            with_resources("databases", "{provider: postgres, config: {hots: a}}"),
            ["resources.databases.mine.config.hots: unknown key"],
        ),
        ("resources: {printers: {}}", ["resources.printers: unknown key"]),
        (
            with_resources("databases", "{provider: oracle}"),
            ["resources.databases.mine.provider: oracle is unknown"],
        ),
        (
            with_resources("databases", "{provider: sqlite, config: {path: a, pth: b}}"),
            ["resources.databases.mine.config.pth: unknown key"],
        ),
        (
            with_resources("databases", "{provider: sqlite}"),
            ["resources.databases.mine.config.path: is missing"],
        ),
        (
            with_resources("databases", "{provider: sqlite, konfig: {path: a}}"),
            ["resources.databases.mine.konfig: unknown key"],
        ),
        (with_resources("databases", "sqlite"), ["resources.databases.mine: "]),
        (with_resources("embedders", "{config: {}}"), ["mine.provider: is missing"]),
        (
            with_resources("embedders", "{provider: openai, config: {base_url: 'ftp://x'}}"),
            ["resources.embedders.mine.config.base_url: "],
        ),
        (
            with_resources("rerankers", "{provider: rrf-hybrid, config: {reranker_ids: [gone]}}"),
            ["resources.rerankers.mine.config.reranker_ids.0: ", "gone"],
        ),
        (
            with_resources("rerankers", "{provider: rrf-hybrid, config: {reranker_ids: [MINE]}}"),
            ["the reranker is made of itself"],
        ),
        (
            "resources: {embedders: {mine: {provider: openai}, Mine: {provider: openai}}}",
            ["resources.embedders.Mine: is there twice"],
        ),
        ("server: {port: 1}\nserver: {port: 2}", ["line 2"]),
        ("server: {port: 1}\nServer: {port: 2}", ["server: is there twice"]),
        ("server: [", ["no YAML"]),
        ("- a list", ["no sections"]),
        ("", ["no sections"]),
        ("logging: {path: $NOWHERE}", ["logging.path: ", "NOWHERE is not set"]),
        ("logging: {path: '/a/${NOWHERE}/b'}", ["logging.path: ", "NOWHERE is not set"]),
        (TWO_EMBEDDERS, ["semantic_memory.embedding_model: one model"]),
        (
            TWO_EMBEDDERS + "  rerankers: {r: {provider: embedder, config: {embedder_id: b}}}",
            ["resources.rerankers.r.config.embedder_id: one model"],
        ),
        (
            with_resources("language_models", "{provider: openai-responses, config: {api_key: é}}"),
            ["resources.language_models.mine.config.api_key: "],
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(write: Write, text: str, named: list[str]) -> None:
    told = refusal(write(text))
    assert all(part in told for part in named), told
    assert "configuration.yml" in told


@pytest.mark.parametrize(
    ("kind", "provider"),
    [
        ("embedders", "amazon-bedrock"),
        ("language_models", "amazon-bedrock"),
        ("language_models", "litellm"),
        ("rerankers", "amazon-bedrock"),
        ("rerankers", "cohere"),
        ("rerankers", "cross-encoder"),
    ],
)
def test_what_is_not_built_yet_says_so_and_what_works_instead(
    write: Write, kind: str, provider: str
) -> None:
    # The configuration is not looked at: a key that only they know is no second problem.
    told = refusal(write(with_resources(kind, f"{{provider: {provider}, config: {{x: 1}}}}")))
    assert f"resources.{kind}.mine.provider: {provider} is not built yet; " in told
    assert "work" in told
    assert "unknown" not in told


def test_everything_wrong_is_told_at_once(write: Write) -> None:
    told = refusal(write("logging: {levl: x}\nserver: {port: 0}\nresources: {printers: {}}"))
    assert told.count("; ") == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "absent.yml" in refusal(tmp_path / "absent.yml")
    assert "cannot read" in refusal(tmp_path)
    (tmp_path / "latin.yml").write_bytes(b"caf\xe9: 1")
    assert "UTF-8" in refusal(tmp_path / "latin.yml")


def test_variables_are_put_into_every_string(write: Write) -> None:
    path = write("server: {host: $WHERE}\nlogging: {path: '${A}$B-$$A-$5-$'}")
    configured = settings_of(path, {"WHERE": "h", "A": "1", "B": "2"})["configured"]
    assert configured.sections.server.host == "h"
    assert configured.sections.logging.path == "12-$A-$5-$"


def test_what_a_variable_holds_is_not_read_again(write: Write) -> None:
    configured = settings_of(write("logging: {path: $A}"), {"A": "$B: [x"})["configured"]
    assert configured.sections.logging.path == "$B: [x"


def test_a_part_of_a_password_is_not_taken_for_the_name_of_a_variable(write: Write) -> None:
    resource = "{provider: sqlite, config: {path: a, password: 'pa$word'}}"
    told = refusal(write(with_resources("databases", resource)))
    assert "resources.databases.mine.config.password" in told
    assert "word " not in told
    assert "pa$" not in told


def test_a_line_that_is_no_yaml_is_not_repeated(write: Write) -> None:
    told = refusal(write("resources:\n  password: *hunter2\n  x: 'hunter2"))
    assert "hunter2" not in told


def test_a_file_that_refers_to_itself_is_refused(write: Write) -> None:
    assert "too deeply" in refusal(write("logging: &a\n  path: *a"))


_PLACES = (
    "logging: {level: $S}",
    "server: {port: $S, host: $S}",
    "episode_store: {database: $S}",
    "episodic_memory: {enabled: $S}",
    "episodic_memory: {long_term_memory: {embedder: $S, backend: $S}}",
    "episodic_memory: {long_term_memory: {properties_schema: {a: $S}}}",
    "prompt: {default_user_categories: [$S]}",
    "semantic_memory: {ingestion_trigger_age: $S, storage_backend: $S}",
    "resources: $S",
    with_resources("embedders", "$S"),
    with_resources("embedders", "{provider: $S}"),
    with_resources("embedders", "{provider: openai, config: $S}"),
    with_resources(
        "embedders",
        "{provider: openai, config: {api_key: $S, base_url: 'http://$S', dimensions: $S}}",
    ),
    with_resources("embedders", "{provider: sentence-transformer, config: {model: $S}}"),
    with_resources("rerankers", "{provider: rrf-hybrid, config: {reranker_ids: [$S], k: $S}}"),
    with_resources("databases", "{provider: sqlite, config: {path: a, password: $S, port: $S}}"),
    with_resources("databases", "{provider: postgres, config: {password: $S, pool_size: $S}}"),
    with_resources("databases", "{provider: neo4j, config: {password: $S, $S: $S}}"),
)


@given(
    place=st.sampled_from(_PLACES),
    secret=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=6).map(
        lambda text: f"q7{text}"
    ),
)
def test_what_a_variable_holds_is_never_repeated(
    tmp_path_factory: pytest.TempPathFactory, place: str, secret: str
) -> None:
    path = tmp_path_factory.mktemp("secret") / "configuration.yml"
    path.write_text(place, encoding="utf-8")
    assert secret not in _refusal_or_nothing(path, {"S": secret})


def _refusal_or_nothing(path: Path, environment: Mapping[str, str]) -> str:
    try:
        settings_of(path, environment)
    except ConfigError as refused:
        return str(refused)
    return ""
