"""Sets of facts: their types, their ids, and which of them a question looks at."""

from typing import Any

import pytest
from anyio import create_task_group
from pydantic import ValidationError
from tests.examples import MINUTE, THEN, episode, fact, storing
from tests.operations.test_careful_writes import meddled
from tests.operations.test_rights import limited

from recollect.domain.memory import Memory
from recollect.domain.scopes import EVERYWHERE, ScopeSet
from recollect.domain.selection import Selection
from recollect.domain.sets import OF_ORGANISATION, OF_PROJECT, OF_USER, Project, SetKey
from recollect.errors import Denied, InvalidRequest, NotFound
from recollect.operations import Context
from recollect.operations.conversations import (
    ConfigureSet,
    CreateSetType,
    CreateTemplate,
    DeleteSetType,
    DisableCategory,
    ListSets,
    ListSetTypes,
    RegisterSet,
    configure_set,
    create_set_type,
    create_template,
    delete_set_type,
    disable_category,
    fact_numbered,
    facts_of,
    in_sets,
    list_set_types,
    list_sets,
    looked_at,
    register_set,
)
from recollect.operations.registry import CATEGORY, SET
from recollect.operations.set_facts import set_of

pytestmark = pytest.mark.anyio

HERE = {"org": "acme", "project": "app"}
OWNER = Project("acme", "app")
DEFAULTS = {OF_ORGANISATION.key(OWNER, {}), OF_PROJECT.key(OWNER, {})}


async def types(context: Context, org: str = "acme") -> list[tuple[str, ...]]:
    found = await list_set_types(context, ListSetTypes(org=org))
    return [tuple(of_type.tags) for of_type in found.set_types]


async def by_team(context: Context, *, is_org_level: bool = False) -> str:
    request = CreateSetType(org="acme", tags=("team",), is_org_level=is_org_level, name="Teams")
    return (await create_set_type(context, request)).id


def in_set(key: SetKey, **fields: Any) -> Memory:
    """A fact of this set."""
    return fact(scope=key.scope, set_id=key.set_id, **fields)


async def test_a_type_is_made_once_per_tags_and_level(context: Context) -> None:
    first = await create_set_type(
        context, CreateSetType(org="acme", tags=(" b", "a", "b"), name="First", description="D.")
    )

    again = await create_set_type(
        context, CreateSetType(org="acme", tags=("a", "b"), name="Second")
    )
    shared = await create_set_type(
        context, CreateSetType(org="acme", tags=("a", "b"), is_org_level=True)
    )
    elsewhere = await create_set_type(context, CreateSetType(org="other", tags=("a", "b")))

    assert again == first
    assert (first.id, first.name, first.description, first.tags) == ("1", "First", "D.", ["a", "b"])
    assert len({first.id, shared.id, elsewhere.id}) == 3
    assert (await list_set_types(context, ListSetTypes(org="acme"))).set_types == [first, shared]


async def test_types_made_at_once_are_made_once(context: Context) -> None:
    async def make(number: int) -> None:
        await create_set_type(context, CreateSetType(org="acme", tags=(str(number % 3),)))

    async with create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(make, number)

    assert sorted(await types(context)) == [("0",), ("1",), ("2",)]


async def test_many_types_are_listed_in_the_order_of_their_creation(context: Context) -> None:
    for number in range(11):
        await create_set_type(context, CreateSetType(org="acme", tags=(f"t{number}",)))

    assert await types(context) == [(f"t{number}",) for number in range(11)]


async def test_a_deleted_type_takes_its_templates_and_no_facts(context: Context) -> None:
    type_id = await by_team(context)
    await create_template(context, CreateTemplate(set_type_id=type_id, name="food", prompt="Food."))
    key = await register_set(context, RegisterSet(**HERE, tags=("team",), metadata={"team": "red"}))
    kept = in_set(SetKey(key.scope, key.set_id))
    await context.records.commit("default", storing(kept))

    receipt = await delete_set_type(context, DeleteSetType(id=type_id))

    assert receipt.templates == 1
    assert await types(context) == []
    assert await context.records.registry("default", CATEGORY) == []
    assert await context.records.get("default", [kept.id]) == [kept]
    with pytest.raises(NotFound):
        await delete_set_type(context, DeleteSetType(id=type_id))


@pytest.mark.parametrize("number", ["", "x", "1.5", "-1", "1\n", "٣", "9" * 30])
def test_a_malformed_number_is_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        DeleteSetType(id=number)


async def test_types_out_of_reach_are_not_there(context: Context) -> None:
    type_id = await by_team(context)
    stranger = limited(context)

    assert await types(stranger) == []
    with pytest.raises(NotFound):
        await delete_set_type(stranger, DeleteSetType(id=type_id))
    with pytest.raises(Denied):
        await create_set_type(stranger, CreateSetType(org="acme", tags=("team",)))


async def test_a_set_gets_its_id_from_the_values_that_are_there(context: Context) -> None:
    request = RegisterSet(**HERE, tags=("team", "role"), metadata={"team": "a_b", "other": 1})

    name = await register_set(context, request)

    assert name.scope == "acme/app"
    assert name.set_id.endswith("__team_a%5Fb")
    again = await register_set(context, request)
    assert again == name
    assert len(await context.records.registry("default", SET)) == 1


async def test_registering_beside_another_keeps_what_that_one_chose(context: Context) -> None:
    request = RegisterSet(**HERE, tags=())
    name = OF_PROJECT.key(OWNER, {})
    disabling = DisableCategory(**HERE, set_id=name.set_id, name="profile")
    racing = meddled(context, "commit", lambda: disable_category(context, disabling))

    assert (await register_set(racing, request)).set_id == name.set_id

    (record,) = await context.records.registry("default", SET)
    assert record.content["disabled_categories"] == ["profile"]


async def test_the_default_sets_are_always_listed(context: Context) -> None:
    listed = (await list_sets(context, ListSets(**HERE))).sets

    assert {SetKey(s.scope, s.set_id) for s in listed} == DEFAULTS
    assert [s.is_org_level for s in listed] == [True, False]


async def test_sets_are_listed_whose_tags_all_have_values(context: Context) -> None:
    await by_team(context)
    await create_set_type(context, CreateSetType(org="acme", tags=("team", "role")))
    await create_set_type(context, CreateSetType(org="other", tags=("team",)))

    metadata = {"team": "red", "producer_id": "ann"}
    listed = (await list_sets(context, ListSets(**HERE, metadata=metadata))).sets

    assert [(s.name, s.tags) for s in listed] == [
        ("Teams", ["team"]),
        ("Organisation", []),
        ("User", ["producer_id"]),
        ("Project", []),
    ]


async def test_a_question_reads_the_registry_once_for_its_sets(context: Context) -> None:
    await by_team(context)
    reads: list[str] = []

    async def count() -> None:
        reads.append("registry")
        counted.records._meddle = count

    counted = meddled(context, "registry", count)

    keys = await looked_at(counted, OWNER, {"team": "red", "producer_id": "ann"})

    assert len(keys) == 4
    assert len(reads) == 1


async def test_who_sees_only_the_project_looks_at_its_sets_alone(context: Context) -> None:
    await by_team(context)
    await by_team(context, is_org_level=True)
    only = limited(context, ScopeSet.listed(["acme/app"]))

    keys = await looked_at(only, OWNER, {"team": "red"})

    assert {key.scope for key in keys} == {"acme/app"}
    assert len(keys) == 2


async def test_a_sets_models_are_chosen_among_those_there_are(context: Context) -> None:
    set_id = OF_PROJECT.key(OWNER, {}).set_id
    chosen = ConfigureSet(**HERE, set_id=set_id, embedder_name="default_embedder")

    assert (await configure_set(context, chosen)).embedder_name == "default_embedder"
    assert (await configure_set(context, ConfigureSet(**HERE, set_id=set_id))).embedder_name is None
    for unknown in ({"embedder_name": "nobody"}, {"llm_name": "nobody"}):
        with pytest.raises(InvalidRequest):
            await configure_set(context, ConfigureSet(**HERE, set_id=set_id, **unknown))


async def test_configuring_keeps_what_is_disabled(context: Context) -> None:
    set_id = OF_PROJECT.key(OWNER, {}).set_id
    await disable_category(context, DisableCategory(**HERE, set_id=set_id, name="profile"))

    configured = await configure_set(context, ConfigureSet(**HERE, set_id=set_id))

    assert configured.disabled_categories == ["profile"]


async def test_the_organisations_sets_are_not_for_who_sees_only_a_project(
    context: Context,
) -> None:
    only = limited(context, ScopeSet.listed(["acme/app"]))
    shared = OF_ORGANISATION.key(OWNER, {}).set_id

    with pytest.raises(Denied):
        await configure_set(only, ConfigureSet(**HERE, set_id=shared))
    with pytest.raises(Denied):
        await register_set(only, RegisterSet(**HERE, tags=(), is_org_level=True))


async def test_an_id_that_names_no_set_is_refused(context: Context) -> None:
    with pytest.raises(InvalidRequest):
        await configure_set(context, ConfigureSet(**HERE, set_id="nothing"))


async def test_a_fact_is_found_by_its_number_in_its_scopes_only(context: Context) -> None:
    here = in_set(OF_PROJECT.key(OWNER, {}), external_id="1")
    await context.records.commit(
        "default", storing(here, episode(scope="acme/app", external_id="2"))
    )

    assert await fact_numbered(context, ["acme", "acme/app"], "1") == here
    for scopes, number in (
        (["acme"], "1"),
        (["acme/app"], "2"),
        (["acme/app"], "3"),
    ):
        with pytest.raises(NotFound):
            await fact_numbered(context, scopes, number)
    with pytest.raises(NotFound):
        await fact_numbered(limited(context), ["acme/app"], "1")


async def test_facts_of_several_sets_are_listed_in_order_of_time(context: Context) -> None:
    shared, own = OF_ORGANISATION.key(OWNER, {}), OF_PROJECT.key(OWNER, {})
    user = OF_USER.key(OWNER, {"producer_id": "ann"})
    facts = [
        in_set(key, occurred_at=THEN + MINUTE * minute)
        for minute, key in enumerate([shared, own, user, own, shared, own])
    ]
    past = in_set(own, valid_to=THEN)
    apart = in_set(SetKey("acme/app", "mem_project_set_other"))
    foreign = in_set(SetKey("acme/app2", own.set_id))
    await context.records.commit("default", storing(*reversed(facts), past, apart, foreign))
    keys = [shared, own]
    meant = [fact for fact in facts if set_of(fact) != user]

    pages = [await facts_of(context, keys, offset=offset, limit=2) for offset in range(0, 6, 2)]

    assert pages == [meant[:2], meant[2:4], meant[4:]]


async def test_the_filter_of_sets_lets_through_exactly_their_facts(context: Context) -> None:
    shared, own = OF_ORGANISATION.key(OWNER, {}), OF_PROJECT.key(OWNER, {})
    there = [in_set(shared), in_set(own)]
    crossed = [in_set(SetKey(own.scope, shared.set_id)), in_set(SetKey(shared.scope, own.set_id))]
    await context.records.commit(
        "default", storing(*there, *crossed, fact(scope=own.scope), episode(scope=own.scope))
    )
    selection = Selection(scopes=EVERYWHERE, filter=in_sets([shared, own]))

    found = await context.records.browse("default", selection, None, 10)

    assert {memory.id for memory in found} == {memory.id for memory in there}
