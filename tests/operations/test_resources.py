"""The models and databases that requests may name, and adding more of them."""

import pytest
from tests.local_servers import served
from tests.model_hosts import KEY, ModelHost

from recollect.errors import AlreadyExists, Conflict, InvalidRequest, NotFound
from recollect.operations import (
    AddResource,
    Context,
    ListResources,
    RemoveResource,
    ResourceView,
    RetryResource,
    add_resource,
    list_resources,
    remove_resource,
    retry_resource,
)
from recollect.ports import ResourceKind

pytestmark = pytest.mark.anyio
EMBEDDER = ResourceKind.EMBEDDER


def openai(url: str, name: str = "Mine", **config: object) -> AddResource:
    given = {"api_key": KEY, "base_url": f"{url}/v1", "dimensions": 48} | config
    return AddResource.model_validate(
        {"kind": EMBEDDER, "name": name, "provider": "openai", "config": given}
    )


async def embedders(context: Context) -> dict[str, ResourceView]:
    listed = (await list_resources(context, ListResources())).embedders
    return {resource.name: resource for resource in listed}


async def test_without_a_file_there_is_one_of_each_but_a_language_model(context: Context) -> None:
    listed = await list_resources(context, ListResources())
    assert [r.name for r in listed.embedders] == ["default_embedder"]
    assert [r.name for r in listed.rerankers] == ["default_reranker"]
    assert [r.name for r in listed.databases] == ["default_database"]
    assert listed.language_models == []


async def test_an_added_model_is_tried_and_listed(context: Context) -> None:
    with served(ModelHost().app()) as url:
        added = await add_resource(context, openai(url))
    assert (added.status, added.error) == ("ready", None)
    assert (await embedders(context))["Mine"] == added
    assert await context.log.last_seq(context.tenant) == 0


async def test_a_model_that_fails_is_kept_until_it_works(context: Context) -> None:
    host = ModelHost(dimensions=32, shortens=False)
    with served(host.app()) as url:
        added = await add_resource(context, openai(url))
        assert added.status == "failed"
        assert added.error
        assert KEY not in added.error
        assert (await embedders(context))["Mine"].status == "failed"

        host.dimensions = 48
        retried = await retry_resource(context, RetryResource(kind=EMBEDDER, name="mine"))
    assert (retried.status, retried.error) == ("ready", None)


@pytest.mark.parametrize("provider", ["openai-responses", "openai-chat-completions"])
async def test_a_language_model_is_tried_as_well(context: Context, provider: str) -> None:
    host = ModelHost()
    with served(host.app()) as url:
        request = AddResource(
            kind=ResourceKind.LANGUAGE_MODEL,
            name="writer",
            provider=provider,
            config={"api_key": KEY, "base_url": f"{url}/v1", "model": "some-model"},
        )
        added = await add_resource(context, request)
    assert (added.status, added.error) == ("ready", None)
    assert len(host.asked) == 1
    listed = await list_resources(context, ListResources())
    assert [r.name for r in listed.language_models] == ["writer"]


async def test_a_wrong_description_is_refused_without_repeating_it(context: Context) -> None:
    wrong = (
        openai("ftp://hunter2"),
        openai("http://localhost", dimensions="hunter2"),
        openai("http://localhost", hunter="x", api_key="hunter2 with spaces"),
        AddResource(kind=EMBEDDER, name="Mine", provider="amazon-bedrock", config={"k": "hunter2"}),
        AddResource(kind=EMBEDDER, name="Mine", provider="elsewhere", config={"k": "hunter2"}),
    )
    for request in wrong:
        with pytest.raises(InvalidRequest) as refused:
            await add_resource(context, request)
        assert "hunter2" not in str(refused.value)
        assert "hunter2" not in repr(request)
    assert "Mine" not in await embedders(context)


async def test_a_name_is_given_once_in_whichever_case(context: Context) -> None:
    with pytest.raises(AlreadyExists):
        await add_resource(context, openai("http://127.0.0.1:9", name="DEFAULT_embedder"))


async def test_what_was_added_can_be_removed_and_what_was_configured_cannot(
    context: Context,
) -> None:
    await add_resource(context, openai("http://127.0.0.1:9"))
    await remove_resource(context, RemoveResource(kind=EMBEDDER, name="MINE"))
    assert "Mine" not in await embedders(context)
    with pytest.raises(NotFound):
        await remove_resource(context, RemoveResource(kind=EMBEDDER, name="Mine"))
    with pytest.raises(NotFound):
        await retry_resource(context, RetryResource(kind=EMBEDDER, name="Mine"))
    with pytest.raises(Conflict):
        await remove_resource(context, RemoveResource(kind=EMBEDDER, name="default_embedder"))
