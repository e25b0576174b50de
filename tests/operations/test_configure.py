"""How conversations are remembered, and changing it while the server runs."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tests.local_servers import served
from tests.model_hosts import KEY, ModelHost
from tests.operations.fakes import FakeEmbedder

from recollect.domain.access import Principal
from recollect.domain.scopes import ScopeSet
from recollect.errors import Denied, InvalidRequest
from recollect.operations import (
    AddResource,
    Configure,
    Context,
    EpisodicUpdate,
    LongTermUpdate,
    MemoryConfiguration,
    ReadConfiguration,
    SemanticUpdate,
    ShortTermUpdate,
    add_resource,
    configuration_now,
    configure,
    export,
    import_lines,
    read_configuration,
)
from recollect.ports import ResourceKind, find

pytestmark = pytest.mark.anyio


async def test_everything_is_on_until_somebody_turns_it_off(context: Context) -> None:
    now = await read_configuration(context, ReadConfiguration())
    assert now.episodic_memory.searches_long_term
    assert now.episodic_memory.searches_short_term
    assert now.semantic_memory.enabled


@pytest.mark.parametrize(
    ("update", "path"),
    [
        (Configure(episodic_memory=EpisodicUpdate(enabled=False)), "episodic_memory.enabled"),
        (
            Configure(episodic_memory=EpisodicUpdate(long_term_memory_enabled=False)),
            "episodic_memory.long_term_memory.enabled",
        ),
        (
            Configure(episodic_memory=EpisodicUpdate(short_term_memory_enabled=False)),
            "episodic_memory.short_term_memory.enabled",
        ),
        (Configure(semantic_memory=SemanticUpdate(enabled=False)), "semantic_memory.enabled"),
    ],
)
async def test_a_switch_is_honoured_and_nothing_else_changes(
    context: Context, update: Configure, path: str
) -> None:
    before = await configuration_now(context)

    assert (await configure(context, update)).changed == [path]

    assert await configuration_now(context) == before.with_overrides({path: False})
    assert (await configure(context, update)).changed == []


async def test_with_episodic_memory_off_neither_part_of_it_is_searched(context: Context) -> None:
    await configure(context, Configure(episodic_memory=EpisodicUpdate(enabled=False)))
    episodic = (await configuration_now(context)).episodic_memory
    assert episodic.long_term_memory.enabled
    assert not episodic.searches_long_term
    assert not episodic.searches_short_term


async def test_what_was_changed_holds_for_other_processes_and_is_exported(
    context: Context,
) -> None:
    short = EpisodicUpdate(short_term_memory=ShortTermUpdate(message_capacity=500))
    await configure(context, Configure(episodic_memory=short))
    other = replace(context, configuration=MemoryConfiguration())
    assert (await configuration_now(other)).episodic_memory.short_term_memory.message_capacity == (
        500
    )

    lines = [line async for line in export(context)]
    elsewhere = replace(context, principal=Principal(name="x", tenant="other"))
    await import_lines(elsewhere, _stream(lines))
    assert await configuration_now(elsewhere) == await configuration_now(context)


async def _stream(lines: list[str]) -> AsyncGenerator[str]:
    for line in lines:
        yield line


async def test_switching_the_backend_clears_what_only_the_other_one_has(context: Context) -> None:
    switch = EpisodicUpdate(
        long_term_memory=LongTermUpdate(
            backend="declarative", vector_graph_store="Default_Database"
        )
    )
    await configure(context, Configure(episodic_memory=switch))
    now = (await configuration_now(context)).episodic_memory.long_term_memory
    assert (now.backend, now.vector_graph_store) == ("declarative", "Default_Database")
    assert (now.vector_store, now.segment_store, now.properties_schema) == (None, None, None)


@pytest.mark.parametrize("backend", ["auto", "vector_store", "pgvector", "neo4j"])
async def test_clients_are_told_of_any_place_of_facts_that_they_know(
    context: Context, backend: str
) -> None:
    update = SemanticUpdate(storage_backend=backend)
    await configure(context, Configure(semantic_memory=update))
    assert (await configuration_now(context)).semantic_memory.storage_backend == backend


async def test_a_schema_of_properties_replaces_the_one_before(context: Context) -> None:
    for schema in ({"topic": "str"}, {"due": "datetime"}):
        update = LongTermUpdate.model_validate({"properties_schema": schema})
        await configure(context, Configure(episodic_memory=EpisodicUpdate(long_term_memory=update)))
    now = (await configuration_now(context)).episodic_memory.long_term_memory
    assert now.properties_schema == {"due": "datetime"}


@pytest.mark.parametrize(
    "update",
    [
        Configure(semantic_memory=SemanticUpdate(database="nowhere")),
        Configure(semantic_memory=SemanticUpdate(llm_model="default_embedder")),
        Configure(semantic_memory=SemanticUpdate(storage_backend="floppy")),
        Configure(
            episodic_memory=EpisodicUpdate(long_term_memory=LongTermUpdate(reranker="unknown"))
        ),
    ],
)
async def test_what_is_not_there_is_refused_and_nothing_is_stored(
    context: Context, update: Configure
) -> None:
    with pytest.raises(InvalidRequest):
        await configure(context, update)
    assert await context.log.last_seq(context.tenant) == 0


async def test_only_who_reaches_everything_may_change_it(context: Context) -> None:
    team = Principal(name="t", tenant="default", scopes=ScopeSet(subtrees=frozenset({"team"})))
    with pytest.raises(Denied):
        await configure(replace(context, principal=team), Configure())


async def test_an_override_of_another_version_is_left_out() -> None:
    base = MemoryConfiguration()
    assert base.with_overrides({"episodic_memory.smell.enabled": True, "x": 1}) == base


async def test_a_resource_is_found_in_whichever_case_and_tells_how_it_fares(
    context: Context, embedder: FakeEmbedder
) -> None:
    found = find(context.resources, ResourceKind.EMBEDDER, "DEFAULT_EMBEDDER")
    assert found is not None
    assert (found.name, found.status, found.problem) == ("default_embedder", "ready", None)
    embedder.problem = "gone"
    retried = await context.resources.retry(ResourceKind.EMBEDDER, "default_embedder")
    assert (retried.status, retried.problem) == ("failed", "gone")


async def test_what_is_in_use_until_the_end_cannot_be_another_one(context: Context) -> None:
    with served(ModelHost().app()) as url:
        config = {"api_key": KEY, "base_url": f"{url}/v1", "dimensions": 48}
        for kind, provider in (("embedders", "openai"), ("language_models", "openai-responses")):
            given = config if kind == "embedders" else {**config, "dimensions": None}
            added = {"kind": kind, "name": "another", "provider": provider, "config": given}
            await add_resource(context, AddResource.model_validate(added))
    for update in (
        {"long_term_memory": {"embedder": "another"}},
        {"short_term_memory": {"llm_model": "another"}},
    ):
        request = Configure.model_validate({"episodic_memory": update})
        with pytest.raises(InvalidRequest, match="chosen at the start"):
            await configure(context, request)
    same = {"episodic_memory": {"long_term_memory": {"reranker": "default_reranker"}}}
    assert (await configure(context, Configure.model_validate(same))).changed == []
