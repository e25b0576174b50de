"""Projects of conversations: made once, set up, and deleted with all that is theirs."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from anyio import create_task_group
from pydantic import ValidationError
from tests.examples import episode, fact, storing
from tests.operations.fakes import FakeClock
from tests.operations.test_careful_writes import meddled
from tests.operations.test_rights import limited

from recollect.domain.changes import Put, PutLink
from recollect.domain.memory import CITES, Fact, Kind, Link
from recollect.domain.scopes import Look, ScopeSet
from recollect.domain.sets import Project
from recollect.errors import (
    AlreadyExists,
    Denied,
    InvalidRequest,
    NotFound,
    RecollectError,
    RevisionConflict,
)
from recollect.operations import Browse, Context, ForgetOne, Remember, browse, forget, remember
from recollect.operations.context import store
from recollect.operations.conversations import (
    ConfigureProject,
    CountEpisodes,
    CreateCategory,
    CreateCategoryTag,
    CreateProject,
    DeleteProject,
    ListProjects,
    ProjectConfig,
    ReadProject,
    RegisterSet,
    configure_project,
    count_episodes,
    create_category,
    create_category_tag,
    create_project,
    delete_project,
    ensure_project,
    list_projects,
    read_project,
    register_set,
)
from recollect.operations.registry import CATEGORY, CATEGORY_TAG, PROJECT, SET, written
from recollect.operations.retrying import retried
from recollect.operations.summaries import SUMMARY

pytestmark = pytest.mark.anyio

HERE = {"org": "acme", "project": "app"}
OWNER = Project("acme", "app")
RACED = (AlreadyExists, NotFound, RevisionConflict)


async def add(context: Context, owner: Project = OWNER, **fields: Any) -> str:
    """Add an episode to a project as the faces do: along with what the project must be."""
    said = episode(scope=owner.scope, **fields)

    async def added() -> str:
        project = await ensure_project(context, owner)
        await store(context, project, Put(memory=said, expected_revision=0, verb="ingest"))
        return said.id

    return await retried(added, *RACED, attempts=50)


async def names(context: Context) -> list[tuple[str, str]]:
    return [(p.org, p.project) for p in (await list_projects(context, ListProjects())).projects]


async def everything(context: Context, scope: str) -> set[str]:
    page = await browse(context, Browse(scope=scope, look=Look.SUBTREE, limit=1000))
    return {memory.id for memory in page.memories}


async def test_a_project_is_found_as_it_was_created(context: Context) -> None:
    made = await create_project(context, CreateProject(**HERE, description="Ours."))

    assert await read_project(context, ReadProject(**HERE)) == made
    assert (made.description, made.enabled, made.config.backend) == ("Ours.", True, "event")


async def test_creating_it_again_with_the_same_configuration_changes_nothing(
    context: Context,
) -> None:
    first = await create_project(context, CreateProject(**HERE, description="First."))
    await configure_project(context, ConfigureProject(**HERE, enabled=False))
    seq = await context.log.last_seq("default")

    again = await create_project(
        context,
        CreateProject(**HERE, description="Second.", config=ProjectConfig(backend="event")),
    )

    assert again == first.model_copy(update={"enabled": False})
    assert await context.log.last_seq("default") == seq


async def test_creating_it_again_with_another_configuration_is_refused(context: Context) -> None:
    await create_project(context, CreateProject(**HERE))

    other = ProjectConfig(properties_schema={"topic": "str"})
    with pytest.raises(AlreadyExists):
        await create_project(context, CreateProject(**HERE, config=other))


async def test_a_project_names_only_models_that_the_server_has(context: Context) -> None:
    for config in (ProjectConfig(embedder="nobody"), ProjectConfig(reranker="nobody")):
        with pytest.raises(InvalidRequest):
            await create_project(context, CreateProject(**HERE, config=config))

    assert await names(context) == []


@pytest.mark.parametrize("org", ["", "a/b", "a b", "a.b", "all", "x" * 500, "\ud800"])
def test_names_that_lead_out_of_their_place_are_refused(org: str) -> None:
    with pytest.raises(ValidationError):
        ReadProject(org=org, project="p")


async def test_only_one_of_two_creators_makes_it(context: Context) -> None:
    other = CreateProject(**HERE, description="Theirs.")
    racing = meddled(context, "commit", lambda: create_project(context, other))

    got = await create_project(racing, CreateProject(**HERE, description="Ours."))

    assert got.description == "Theirs."
    assert await read_project(context, ReadProject(**HERE)) == got


async def test_many_creators_at_once_all_get_the_one_project(context: Context) -> None:
    got: list[str] = []

    async def create(description: str) -> None:
        request = CreateProject(**HERE, description=description)
        got.append((await create_project(context, request)).description)

    async with create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(create, str(number))

    assert len(set(got)) == 1
    assert len(got) == 8


async def test_what_is_left_out_stays_switched_as_it_was(context: Context) -> None:
    await create_project(context, CreateProject(**HERE))

    await configure_project(context, ConfigureProject(**HERE, short_term_memory_enabled=False))
    switched = await configure_project(context, ConfigureProject(**HERE, enabled=False))

    assert not switched.enabled
    assert switched.long_term_memory_enabled
    assert not switched.short_term_memory_enabled
    assert await read_project(context, ReadProject(**HERE)) == switched


async def test_switches_changed_at_once_are_both_kept(context: Context) -> None:
    await create_project(context, CreateProject(**HERE))
    racing = meddled(
        context,
        "commit",
        lambda: configure_project(context, ConfigureProject(**HERE, enabled=False)),
    )

    await configure_project(racing, ConfigureProject(**HERE, long_term_memory_enabled=False))

    view = await read_project(context, ReadProject(**HERE))
    assert (view.enabled, view.long_term_memory_enabled) == (False, False)


async def test_a_project_that_is_not_there_has_no_episodes_and_cannot_be_read(
    context: Context,
) -> None:
    assert (await count_episodes(context, CountEpisodes(**HERE))).count == 0
    for operation, request in (
        (read_project, ReadProject(**HERE)),
        (configure_project, ConfigureProject(**HERE)),
        (delete_project, DeleteProject(**HERE)),
    ):
        with pytest.raises(NotFound):
            await operation(context, request)


async def test_adding_makes_the_project(context: Context) -> None:
    await add(context)
    await add(context, session="other")
    await context.records.commit("default", storing(fact(scope="acme/app")))

    assert await names(context) == [("acme", "app")]
    assert (await count_episodes(context, CountEpisodes(**HERE))).count == 2


async def test_projects_out_of_reach_are_not_there(context: Context) -> None:
    for org in ("team", "secret"):
        await create_project(context, CreateProject(org=org, project="p"))
    only = limited(context, ScopeSet.listed(["team/p"]))

    assert await names(only) == [("team", "p")]
    assert (await read_project(only, ReadProject(org="team", project="p"))).org == "team"
    with pytest.raises(NotFound):
        await read_project(only, ReadProject(org="secret", project="p"))
    for operation, request in (
        (create_project, CreateProject(org="secret", project="p")),
        (configure_project, ConfigureProject(org="secret", project="p")),
        (delete_project, DeleteProject(org="secret", project="p")),
    ):
        with pytest.raises(Denied):
            await operation(only, request)


async def furnish(context: Context, org: str, project: str) -> None:
    """Give a project one of everything."""
    scope = f"{org}/{project}"
    await add(context, Project(org, project))
    await context.records.commit("default", storing(fact(scope=scope), fact(scope=scope)))
    await remember(context, Remember(content="Kept.", scope=scope, name="kept"))
    owner = {"org": org, "project": project}
    key = await register_set(
        context, RegisterSet(**owner, tags=("user_id",), metadata={"user_id": "u"})
    )
    category = await create_category(
        context, CreateCategory(**owner, set_id=key.set_id, name="food", prompt="Food.")
    )
    await create_category_tag(
        context, CreateCategoryTag(category_id=category.id or "", name="tea", description="Tea.")
    )
    await store(context, written(context, SUMMARY, f"{scope}|", {"text": "So far."}))


async def records_of(context: Context) -> dict[str, int]:
    types = (PROJECT, SET, CATEGORY, CATEGORY_TAG, SUMMARY)
    return {t: len(await context.records.registry("default", t)) for t in types}


async def test_deleting_a_project_takes_all_that_is_its_own(context: Context) -> None:
    await furnish(context, "acme", "app")

    receipt = await delete_project(context, DeleteProject(**HERE))

    assert (receipt.episodes, receipt.facts) == (1, 2)
    left = await browse(context, Browse(scope="", look=Look.ALL))
    assert [memory.kind for memory in left.memories] == [Kind.NOTE]
    assert await records_of(context) == dict.fromkeys(
        (PROJECT, SET, CATEGORY, CATEGORY_TAG, SUMMARY), 0
    )
    with pytest.raises(NotFound):
        await read_project(context, ReadProject(**HERE))


async def test_deleting_a_project_takes_nothing_of_others(context: Context) -> None:
    others = [("acme", "app2"), ("acme2", "app"), ("acme", "ap"), ("app", "acme")]
    for org, project in others:
        await furnish(context, org, project)
    shared = fact(scope="acme")
    below = episode(scope="acme/app/deeper")
    await context.records.commit("default", storing(shared, below))
    before = await records_of(context)
    kept = await everything(context, "")

    await furnish(context, "acme", "app")
    await delete_project(context, DeleteProject(**HERE))

    assert await records_of(context) == before
    ours = {m.id for m in (await browse(context, Browse(scope="acme/app"))).memories}
    assert await everything(context, "") == kept | ours
    assert {shared.id, below.id} <= kept


async def test_what_was_erased_has_no_history(context: Context) -> None:
    episode_id = await add(context, content="Secret.")

    await delete_project(context, DeleteProject(**HERE))

    assert await context.records.history("default", episode_id) == []


async def test_what_was_forgotten_before_is_erased_too(context: Context) -> None:
    episode_id = await add(context, content="Secret.")
    await forget(context, ForgetOne(id=episode_id))

    await delete_project(context, DeleteProject(**HERE))

    assert await context.records.history("default", episode_id) == []


async def test_the_organisations_facts_that_rest_on_the_project_alone_are_closed(
    context: Context, clock: FakeClock
) -> None:
    here, elsewhere = await add(context), await add(context, Project("acme", "other"))
    closed, kept, own = (fact(scope=scope) for scope in ("acme", "acme", "acme/app"))
    await context.records.commit("default", storing(closed, kept, own))
    cited = ((closed, here), (kept, here), (kept, elsewhere), (own, here))
    links = (Link(from_id=citing.id, to_id=said, type=CITES) for citing, said in cited)
    await store(context, *(PutLink(link=link) for link in links))

    await delete_project(context, DeleteProject(**HERE))

    ends = {
        memory.id: memory.detail.valid_to
        for memory in await context.records.get("default", [closed.id, kept.id, own.id])
        if isinstance(memory.detail, Fact)
    }
    assert ends == {closed.id: clock(), kept.id: None}


async def test_a_deleted_project_begins_anew(context: Context) -> None:
    await create_project(context, CreateProject(**HERE, description="Old."))
    await configure_project(context, ConfigureProject(**HERE, enabled=False))
    await add(context)
    await delete_project(context, DeleteProject(**HERE))

    made = await create_project(context, CreateProject(**HERE, description="New."))

    assert (made.description, made.enabled) == ("New.", True)
    assert (await count_episodes(context, CountEpisodes(**HERE))).count == 0


async def test_an_add_that_began_before_the_deletion_is_refused(context: Context) -> None:
    await create_project(context, CreateProject(**HERE))
    project = await ensure_project(context, OWNER)
    await delete_project(context, DeleteProject(**HERE))

    late = Put(memory=episode(scope="acme/app"), expected_revision=0, verb="ingest")
    with pytest.raises(NotFound):
        await store(context, project, late)

    assert await everything(context, "acme/app") == set()


@pytest.mark.parametrize("method", ["registered", "count", "browse", "commit"])
async def test_an_add_amid_a_deletion_leaves_its_episode_in_a_project(
    context: Context, method: str
) -> None:
    """Whenever it comes, what was added is either gone or in a project of its own."""
    await add(context)
    racing = meddled(context, method, lambda: add(context, content="Amid."))

    await delete_project(racing, DeleteProject(**HERE))

    count = (await count_episodes(context, CountEpisodes(**HERE))).count
    assert count == 0 if await names(context) == [] else count == 1


async def test_of_two_deletions_at_once_both_are_done(context: Context) -> None:
    await add(context)
    racing = meddled(context, "browse", lambda: delete_project(context, DeleteProject(**HERE)))

    receipt = await delete_project(racing, DeleteProject(**HERE))

    assert receipt.episodes == 0
    assert await names(context) == []


FINISHING: dict[str, Callable[[Context], Awaitable[object]]] = {
    "creating": lambda context: create_project(context, CreateProject(**HERE)),
    "deleting": lambda context: delete_project(context, DeleteProject(**HERE)),
    "adding": add,
}


@pytest.mark.parametrize("how", FINISHING)
async def test_an_interrupted_deletion_is_finished_by_whoever_comes_next(
    context: Context, how: str
) -> None:
    old = await add(context)
    await interrupt(context)

    assert await names(context) == []
    with pytest.raises(NotFound):
        await read_project(context, ReadProject(**HERE))
    with pytest.raises(NotFound):
        await configure_project(context, ConfigureProject(**HERE))
    await FINISHING[how](context)

    assert await context.records.history("default", old) == []
    assert await names(context) == ([] if how == "deleting" else [("acme", "app")])


async def interrupt(context: Context) -> None:
    """Delete the project, but fail before anything is erased."""

    async def fail() -> None:
        raise RecollectError("the power went out")

    with pytest.raises(RecollectError):
        await delete_project(meddled(context, "browse", fail), DeleteProject(**HERE))


async def test_deleters_and_adders_at_once_leave_nothing_without_a_project(
    context: Context,
) -> None:
    async def adder() -> None:
        for _ in range(5):
            await add(context)

    async def deleter() -> None:
        for _ in range(5):
            with suppress(NotFound):
                await delete_project(context, DeleteProject(**HERE))

    async with create_task_group() as tasks:
        for adding in (adder, adder, deleter, adder, deleter):
            tasks.start_soon(adding)

    left = await everything(context, "acme/app")
    assert not left or await names(context) == [("acme", "app")]
