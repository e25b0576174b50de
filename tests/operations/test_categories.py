"""Categories of facts: own ones, inherited ones, default ones, and the tags they suggest."""

from dataclasses import replace
from typing import Any

import pytest
from anyio import create_task_group
from tests.examples import storing
from tests.operations.test_careful_writes import meddled
from tests.operations.test_rights import limited
from tests.operations.test_sets import HERE, OWNER, by_team, in_set

from recollect.domain.categories import PROFILE
from recollect.domain.memory import Memory
from recollect.domain.scopes import ScopeSet
from recollect.domain.sets import OF_ORGANISATION, OF_PROJECT, Project, SetKey, set_type
from recollect.errors import AlreadyExists, NotFound
from recollect.operations import Context, SemanticMemory
from recollect.operations.conversations import (
    CategoryView,
    CreateCategory,
    CreateCategoryTag,
    CreateTemplate,
    DeleteCategory,
    DeleteCategoryTag,
    DeleteSetType,
    DisableCategory,
    ListCategories,
    ListCategorySets,
    ListTemplates,
    ReadCategory,
    RegisterSet,
    create_category,
    create_category_tag,
    create_template,
    delete_category,
    delete_category_tag,
    delete_set_type,
    disable_category,
    list_categories,
    list_category_sets,
    list_templates,
    read_category,
    register_set,
)
from recollect.operations.registry import CATEGORY, CATEGORY_TAG

pytestmark = pytest.mark.anyio

TEAMS = set_type(["team"], is_org_level=False)
RED = TEAMS.key(OWNER, {"team": "red"})
BLUE = TEAMS.key(OWNER, {"team": "blue"})
OWN = OF_PROJECT.key(OWNER, {})


async def make(context: Context, set_id: str, name: str = "food", **fields: Any) -> CategoryView:
    request = CreateCategory(**HERE, set_id=set_id, name=name, prompt="What they eat.", **fields)
    return await create_category(context, request)


async def make_template(context: Context, type_id: str, name: str = "food") -> str:
    request = CreateTemplate(set_type_id=type_id, name=name, prompt="What all eat.")
    return (await create_template(context, request)).id or ""


async def suggest(context: Context, category_id: str | None, name: str = "tea") -> str:
    request = CreateCategoryTag(category_id=category_id or "", name=name, description="Tea.")
    return (await create_category_tag(context, request)).id or ""


async def categories(context: Context, set_id: str) -> list[tuple[str, str]]:
    found = await list_categories(context, ListCategories(**HERE, set_id=set_id))
    return [(category.name, category.origin) for category in found.categories]


async def sets_with(context: Context, category_id: str | None) -> set[str]:
    found = await list_category_sets(context, ListCategorySets(id=category_id or ""))
    return set(found.set_ids)


def filed(key: SetKey, category: str) -> Memory:
    """A fact of this set in this category."""
    return in_set(key, category=category)


async def test_a_category_is_read_as_it_was_created(context: Context) -> None:
    made = await make(context, OWN.set_id, description="Meals.")
    tag = await suggest(context, made.id)

    read = await read_category(context, ReadCategory(id=made.id or ""))

    assert (read.id, read.name, read.prompt) == ("1", "food", "What they eat.")
    assert (read.description, read.origin, read.origin_id) == ("Meals.", "set", OWN.set_id)
    assert [(t.id, t.name, t.description) for t in read.tags] == [(tag, "tea", "Tea.")]


async def test_no_set_has_two_categories_of_one_name(context: Context) -> None:
    await make(context, OWN.set_id)

    with pytest.raises(AlreadyExists):
        await make(context, OWN.set_id)
    await make(context, "mem_project_set_other")
    await make(context, OF_ORGANISATION.key(OWNER, {}).set_id)

    assert len(await context.records.registry("default", CATEGORY)) == 3


async def test_of_categories_made_at_once_one_gets_the_name(context: Context) -> None:
    outcomes: list[str] = []

    async def attempt() -> None:
        try:
            await make(context, OWN.set_id)
        except AlreadyExists:
            outcomes.append("refused")
        else:
            outcomes.append("made")

    async with create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(attempt)

    assert sorted(outcomes) == ["made", *["refused"] * 5]


async def test_the_same_id_in_two_projects_names_two_sets(context: Context) -> None:
    other = CreateCategory(
        org="acme", project="app2", set_id="mem_project_set_x", name="food", prompt="Food."
    )
    await create_category(context, other)

    await make(context, "mem_project_set_x")

    assert ("food", "set") in await categories(context, "mem_project_set_x")


async def test_sets_of_projects_have_a_profile_by_default(context: Context) -> None:
    assert await categories(context, "mem_project_set_anything") == [("profile", "default")]
    assert await categories(context, OF_ORGANISATION.key(OWNER, {}).set_id) == []
    found = await list_categories(context, ListCategories(**HERE, set_id=OWN.set_id))
    assert {tag.name: tag.description for tag in found.categories[0].tags} == PROFILE.tags


async def test_a_configuration_says_which_sets_have_a_profile(context: Context) -> None:
    semantic = SemanticMemory(
        org_categories=("profile_prompt",),
        project_categories=(),
        user_categories=("profile_prompt",),
    )
    changed = replace(
        context,
        configuration=context.configuration.model_copy(update={"semantic_memory": semantic}),
    )
    assert await categories(changed, "mem_project_set_anything") == []
    assert await categories(changed, "mem_user_set_anything") == [("profile", "default")]
    of_all = OF_ORGANISATION.key(OWNER, {}).set_id
    assert await categories(changed, of_all) == [("profile", "default")]


async def test_a_default_category_can_be_disabled_for_one_set(context: Context) -> None:
    disabling = DisableCategory(**HERE, set_id=OWN.set_id, name="profile")
    for _ in range(2):
        await disable_category(context, disabling)
    await disable_category(
        context, DisableCategory(**HERE, set_id="mem_project_set_x", name="unheard of")
    )

    assert await categories(context, OWN.set_id) == []
    assert await categories(context, "mem_project_set_x") == [("profile", "default")]


async def test_sets_inherit_the_templates_of_their_type(context: Context) -> None:
    type_id = await by_team(context)
    await make_template(context, type_id)
    await make_template(context, type_id, "music")

    assert await categories(context, RED.set_id) == [("food", "set_type"), ("music", "set_type")]
    assert await categories(context, "mem_other_set_invented") == []
    await delete_set_type(context, DeleteSetType(id=type_id))
    assert await categories(context, RED.set_id) == []


async def test_a_category_of_its_own_stands_before_an_inherited_or_default_one(
    context: Context,
) -> None:
    await make_template(context, await by_team(context))
    await make(context, RED.set_id)
    await make(context, OWN.set_id, "profile")

    await make(context, RED.set_id, "music")
    assert await categories(context, RED.set_id) == [("food", "set"), ("music", "set")]
    assert await categories(context, OWN.set_id) == [("profile", "set")]


async def test_templates_are_listed_by_type_and_named_once(context: Context) -> None:
    type_id = await by_team(context)
    shared_id = await by_team(context, is_org_level=True)
    made = await make_template(context, type_id)
    await make_template(context, shared_id)

    with pytest.raises(AlreadyExists):
        await make_template(context, type_id)

    listed = await list_templates(context, ListTemplates(set_type_id=type_id))
    assert [(c.id, c.origin, c.origin_id) for c in listed.categories] == [
        (made, "set_type", type_id)
    ]


async def test_a_template_is_not_given_to_a_type_deleted_meanwhile(context: Context) -> None:
    type_id = await by_team(context)
    racing = meddled(context, "commit", lambda: delete_set_type(context, DeleteSetType(id=type_id)))

    with pytest.raises(NotFound):
        await make_template(racing, type_id)

    assert await context.records.registry("default", CATEGORY) == []


async def test_a_type_deleted_meanwhile_takes_a_template_made_meanwhile(context: Context) -> None:
    type_id = await by_team(context)
    racing = meddled(context, "commit", lambda: make_template(context, type_id))

    await delete_set_type(racing, DeleteSetType(id=type_id))

    assert await context.records.registry("default", CATEGORY) == []


async def test_the_sets_of_a_category_are_those_that_have_it(context: Context) -> None:
    template = await make_template(context, await by_team(context))
    for team in ("red", "blue", "green"):
        await register_set(context, RegisterSet(**HERE, tags=("team",), metadata={"team": team}))
    await register_set(context, RegisterSet(**HERE, tags=("role",), metadata={"role": "x"}))
    other = {"org": "acme2", "project": "app"}
    await register_set(context, RegisterSet(**other, tags=("team",), metadata={"team": "red"}))
    own = await make(context, BLUE.set_id)

    green = TEAMS.key(OWNER, {"team": "green"})
    assert await sets_with(context, template) == {RED.set_id, green.set_id}
    assert await sets_with(context, own.id) == {BLUE.set_id}


async def test_deleting_a_category_takes_its_facts_and_tags_and_no_others(
    context: Context,
) -> None:
    category = await make(context, OWN.set_id)
    kept_tag = await suggest(context, (await make(context, OWN.set_id, "music")).id)
    await suggest(context, category.id)
    gone = [filed(OWN, "food"), filed(OWN, "food")]
    kept = [
        filed(OWN, "music"),
        filed(SetKey(OWN.scope, "mem_project_set_x"), "food"),
        filed(SetKey("acme/app2", OWN.set_id), "food"),
        filed(SetKey("acme", OWN.set_id), "food"),
    ]
    await context.records.commit("default", storing(*gone, *kept))

    receipt = await delete_category(context, DeleteCategory(id=category.id or ""))

    assert receipt.facts == 2
    assert await context.records.get("default", [f.id for f in (*gone, *kept)]) == kept
    assert await context.records.history("default", gone[0].id) == []
    assert [t.id for t in await context.records.registry("default", CATEGORY_TAG)] == [kept_tag]
    with pytest.raises(NotFound):
        await read_category(context, ReadCategory(id=category.id or ""))


async def test_deleting_a_template_takes_the_facts_of_the_sets_that_inherit_it(
    context: Context,
) -> None:
    template = await make_template(context, await by_team(context))
    await make(context, BLUE.set_id)
    elsewhere = TEAMS.key(Project("acme", "app2"), {"team": "red"})
    foreign = TEAMS.key(Project("acme2", "app"), {"team": "red"})
    gone = [filed(RED, "food"), filed(elsewhere, "food")]
    kept = [filed(BLUE, "food"), filed(foreign, "food"), filed(OWN, "food"), filed(RED, "music")]
    await context.records.commit("default", storing(*gone, *kept))

    receipt = await delete_category(context, DeleteCategory(id=template))

    assert receipt.facts == 2
    assert await context.records.get("default", [f.id for f in (*gone, *kept)]) == kept


async def test_a_tag_suggested_during_the_deletion_goes_too(context: Context) -> None:
    category = await make(context, OWN.set_id)
    racing = meddled(context, "commit", lambda: suggest(context, category.id))

    await delete_category(racing, DeleteCategory(id=category.id or ""))

    assert await context.records.registry("default", CATEGORY_TAG) == []


async def test_a_tag_is_not_suggested_to_a_category_deleted_meanwhile(context: Context) -> None:
    category = await make(context, OWN.set_id)
    deleting = DeleteCategory(id=category.id or "")
    racing = meddled(context, "commit", lambda: delete_category(context, deleting))

    with pytest.raises(NotFound):
        await suggest(racing, category.id)

    assert await context.records.registry("default", CATEGORY_TAG) == []


async def test_tags_of_one_name_are_two_and_go_one_by_one(context: Context) -> None:
    category = await make(context, OWN.set_id)
    first, second = await suggest(context, category.id), await suggest(context, category.id)

    await delete_category_tag(context, DeleteCategoryTag(id=first))

    read = await read_category(context, ReadCategory(id=category.id or ""))
    assert [tag.id for tag in read.tags] == [second]
    with pytest.raises(NotFound):
        await delete_category_tag(context, DeleteCategoryTag(id=first))


async def test_numbers_are_not_given_again(context: Context) -> None:
    first = await make(context, OWN.set_id)
    await delete_category(context, DeleteCategory(id=first.id or ""))

    assert (await make(context, OWN.set_id)).id == "2"


async def test_what_lies_out_of_reach_is_not_there(context: Context) -> None:
    category = await make(context, OWN.set_id)
    tag = await suggest(context, category.id)
    type_id = await by_team(context)
    number = category.id or ""
    stranger = limited(context)
    seq = await context.log.last_seq("default")

    for operation, request in (
        (read_category, ReadCategory(id=number)),
        (delete_category, DeleteCategory(id=number)),
        (list_category_sets, ListCategorySets(id=number)),
        (create_category_tag, CreateCategoryTag(category_id=number, name="x", description="")),
        (delete_category_tag, DeleteCategoryTag(id=tag)),
        (list_templates, ListTemplates(set_type_id=type_id)),
        (create_template, CreateTemplate(set_type_id=type_id, name="x", prompt="")),
        (list_categories, ListCategories(**HERE, set_id=OWN.set_id)),
    ):
        with pytest.raises(NotFound):
            await operation(stranger, request)

    assert await context.log.last_seq("default") == seq


async def test_who_sees_only_a_project_sees_what_its_sets_inherit(context: Context) -> None:
    await make_template(context, await by_team(context))
    only = limited(context, ScopeSet.listed(["acme/app"]))

    assert await categories(only, RED.set_id) == [("food", "set_type")]
