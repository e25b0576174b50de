"""Who may do what, and what does not exist for whom."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect import operations
from recollect.domain.access import Principal, Right
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look, ScopeSet
from recollect.errors import Denied, InvalidRequest, NotFound
from recollect.operations import (
    CONFIGURING,
    OFFERED,
    Browse,
    Context,
    Edit,
    EraseOne,
    ForgetOne,
    ForgetScope,
    History,
    Ingest,
    Message,
    Move,
    Operation,
    Read,
    Recall,
    Remember,
    Request,
    Result,
    Stats,
    browse,
    conversations,
    correct,
    edit,
    erase,
    forget,
    forget_scope,
    history,
    ingest,
    learn,
    move,
    read,
    recall,
    remember,
    stats,
)
from recollect.ports import ResourceKind

ALL = (*OFFERED, *CONFIGURING, *conversations.OPERATIONS)

pytestmark = pytest.mark.anyio

TEAM = ScopeSet(subtrees=frozenset({"team"}))
IN_SET = {"org": "team", "project": "p", "set_id": "mem_project_set_x"}
LEARN = operations.Learn(content="x", scope="team", category="c", tag="t", feature="f")
SAMPLES: dict[str, Request] = {
    "remember": Remember(content="Tea.", scope="team"),
    "recall": Recall(query="tea"),
    "read": Read(id="1"),
    "edit": Edit(id="1", content="x"),
    "move": Move(id="1", to_scope="team"),
    "forget": ForgetOne(id="1"),
    "forget_scope": ForgetScope(scope="team", confirm=True),
    "erase": EraseOne(id="1"),
    "browse": Browse(),
    "ingest": Ingest(scope="team", messages=(Message(content="Hi.", producer="Ann"),)),
    "prompt_context": operations.PromptContext(),
    "add_messages": conversations.AddMessages(
        org="team", project="p", messages=(Message(content="Hi.", producer="Ann"),)
    ),
    "list_episodes": conversations.ListEpisodes(org="team", project="p", limit=1),
    "erase_many": conversations.EraseMany(scopes=("team",), kind=Kind.EPISODE, ids=("1",)),
    "learn": LEARN,
    "correct": operations.Correct(id="1", content="x"),
    "history": History(id="1"),
    "batch_mark_applied": operations.BatchMarkApplied.model_validate(
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": "maybe"}]}
    ),
    "import_recall_log": operations.ImportRecallLog(file="/nowhere/file"),
    "recall_stats": operations.RecallStats(),
    "sync": operations.Sync(),
    "stats": Stats(),
    "reindex": operations.Reindex(),
    "check": operations.Check(),
    "backup": operations.Backup(target="/nowhere/file"),
    "read_configuration": operations.ReadConfiguration(),
    "configure": operations.Configure(),
    "list_resources": operations.ListResources(),
    "add_resource": operations.AddResource(
        kind=ResourceKind.EMBEDDER, name="n", provider="openai", config={}
    ),
    "remove_resource": operations.RemoveResource(kind=ResourceKind.EMBEDDER, name="n"),
    "retry_resource": operations.RetryResource(kind=ResourceKind.EMBEDDER, name="n"),
    "create_project": conversations.CreateProject(org="team", project="p"),
    "read_project": conversations.ReadProject(org="team", project="p"),
    "list_projects": conversations.ListProjects(),
    "configure_project": conversations.ConfigureProject(org="team", project="p", enabled=False),
    "count_episodes": conversations.CountEpisodes(org="team", project="p"),
    "delete_project": conversations.DeleteProject(org="team", project="p"),
    "create_set_type": conversations.CreateSetType(org="team", tags=("user_id",)),
    "list_set_types": conversations.ListSetTypes(org="team"),
    "delete_set_type": conversations.DeleteSetType(id="1"),
    "register_set": conversations.RegisterSet(org="team", project="p", tags=()),
    "list_sets": conversations.ListSets(org="team", project="p"),
    "configure_set": conversations.ConfigureSet(**IN_SET),
    "create_category": conversations.CreateCategory(**IN_SET, name="food", prompt="Food."),
    "create_template": conversations.CreateTemplate(set_type_id="1", name="food", prompt="Food."),
    "read_category": conversations.ReadCategory(id="1"),
    "list_categories": conversations.ListCategories(**IN_SET),
    "list_templates": conversations.ListTemplates(set_type_id="1"),
    "list_category_sets": conversations.ListCategorySets(id="1"),
    "disable_category": conversations.DisableCategory(**IN_SET, name="profile"),
    "delete_category": conversations.DeleteCategory(id="1"),
    "create_category_tag": conversations.CreateCategoryTag(
        category_id="1", name="tea", description="Tea."
    ),
    "delete_category_tag": conversations.DeleteCategoryTag(id="1"),
}


def limited(context: Context, scopes: ScopeSet = TEAM, *rights: Right) -> Context:
    """The context of somebody who reaches only these scopes, with these rights or all."""
    principal = Principal(
        name="limited", tenant="default", scopes=scopes, rights=frozenset(rights or Right)
    )
    return replace(context, principal=principal)


def test_every_operation_has_a_name_a_right_and_its_models() -> None:
    offered = vars(operations) | vars(conversations)
    assert [op.name for op in ALL] == [op.name for op in ALL if offered[op.name] is op]
    assert {op.name for op in ALL} == set(SAMPLES)
    for op in ALL:
        assert isinstance(op, Operation)
        assert isinstance(op.right, Right)
        assert issubclass(op.request, Request)
        assert issubclass(op.result, Result)
        assert op.request.__doc__
        assert op.run.__doc__


@pytest.mark.parametrize("op", ALL, ids=lambda op: op.name)
async def test_without_its_right_an_operation_is_denied(
    context: Context, op: Operation[Any, Any]
) -> None:
    others = set(Right) - {op.right}
    with pytest.raises(Denied) as refused:
        await op(limited(context, TEAM, *others), SAMPLES[op.name])

    assert refused.value.code == "denied"
    assert await context.log.last_seq("default") == 0


Attempt = Callable[[Context, str], Awaitable[object]]
BY_REFERENCE: dict[str, Attempt] = {
    "read": lambda c, i: read(c, Read(id=i)),
    "read by name": lambda c, _: read(c, Read(scope="secret", name="note")),
    "edit": lambda c, i: edit(c, Edit(id=i, content="x")),
    "edit by name": lambda c, _: edit(c, Edit(scope="secret", name="note", tags=())),
    "move": lambda c, i: move(c, Move(id=i, to_scope="team")),
    "forget": lambda c, i: forget(c, ForgetOne(id=i)),
    "forget by name": lambda c, _: forget(c, ForgetOne(scope="secret", name="note")),
    "erase": lambda c, i: erase(c, EraseOne(id=i)),
    "correct": lambda c, i: correct(c, operations.Correct(id=i, content="x")),
    "history": lambda c, i: history(c, History(id=i)),
}


async def _secret(context: Context) -> str:
    note = Remember(content="Secret tea.", scope="secret", name="note")
    return (await remember(context, note)).id


@pytest.mark.parametrize("attempt", BY_REFERENCE.values(), ids=BY_REFERENCE)
@pytest.mark.parametrize("there", [True, False])
async def test_what_is_out_of_reach_looks_like_what_is_not_there(
    context: Context, attempt: Attempt, *, there: bool
) -> None:
    memory_id = await _secret(context) if there else "nobody"
    seq = await context.log.last_seq("default")

    with pytest.raises(NotFound):
        await attempt(limited(context), memory_id)

    assert await context.log.last_seq("default") == seq


WRITES: dict[str, Attempt] = {
    "remember": lambda c, _: remember(c, Remember(content="x", scope="secret", name="note")),
    "ingest": lambda c, _: ingest(
        c, Ingest(scope="secret", messages=(Message(content="Hi.", producer="Ann"),))
    ),
    "forget_scope": lambda c, _: forget_scope(c, ForgetScope(scope="secret", confirm=True)),
    "forget everything": lambda c, _: forget_scope(
        c, ForgetScope(scope="", look=Look.SUBTREE, confirm=True)
    ),
    "move there": lambda c, i: move(c, Move(id=i, to_scope="secret")),
    "learn": lambda c, _: learn(c, LEARN.model_copy(update={"scope": "secret"})),
    "a scope that only begins alike": lambda c, _: remember(
        c, Remember(content="x", scope="team2")
    ),
    "the root": lambda c, _: remember(c, Remember(content="x")),
}


@pytest.mark.parametrize("attempt", WRITES.values(), ids=WRITES)
async def test_nothing_is_written_out_of_reach(context: Context, attempt: Attempt) -> None:
    await _secret(context)
    own = (await remember(context, Remember(content="Own tea.", scope="team"))).id
    seq = await context.log.last_seq("default")

    with pytest.raises(Denied):
        await attempt(limited(context), own)

    assert await context.log.last_seq("default") == seq


@pytest.mark.parametrize("look", Look)
@pytest.mark.parametrize("scope", ["", "team", "secret"])
async def test_lists_and_answers_hold_only_what_is_in_reach(
    context: Context, scope: str, look: Look
) -> None:
    await _secret(context)
    for own in ("team", "team/a"):
        await remember(context, Remember(content="Tea for us.", scope=own))
    await remember(context, Remember(content="Tea for all.", name="all"))

    page = await browse(limited(context), Browse(scope=scope, look=look))
    answer = await recall(limited(context), Recall(query="tea", scope=scope, look=look))

    asked = ScopeSet.of(scope, look)
    reach = {s for s in ("team", "team/a") if asked.covers(s)}
    assert {m.scope for m in page.memories} == reach
    assert page.count == len(reach)
    assert {hit.memory.scope for hit in answer.results} == reach


async def test_an_explicit_list_of_scopes_does_not_reach_below_them(context: Context) -> None:
    await remember(context, Remember(content="Tea.", scope="a"))
    await remember(context, Remember(content="Tea.", scope="a/b"))
    only = limited(context, ScopeSet.listed(["a"]))

    assert (await browse(only, Browse(look=Look.ALL))).count == 1
    with pytest.raises(Denied):
        await remember(only, Remember(content="Tea.", scope="a/b"))


async def test_the_history_hides_what_lay_out_of_reach(context: Context) -> None:
    note = await _secret(context)
    await move(context, Move(id=note, to_scope="team"))

    shown = (await history(limited(context), History(id=note))).revisions
    assert [r.memory and r.memory.scope for r in shown] == ["team"]
    with pytest.raises(Denied):
        await erase(limited(context), EraseOne(id=note))

    await move(context, Move(id=note, to_scope="secret"))
    with pytest.raises(NotFound):
        await history(limited(context), History(id=note))


async def test_figures_count_only_what_is_in_reach(context: Context) -> None:
    await _secret(context)
    await remember(context, Remember(content="Own.", scope="team"))

    figures = await stats(limited(context), Stats())

    assert (figures.memories, figures.by_scope) == (1, {"team": 1})
    assert (figures.by_kind, figures.links, figures.revisions) == ({}, 0, 0)


async def test_another_tenant_has_nothing_of_ours(context: Context) -> None:
    secret = await _secret(context)
    stranger = replace(context, principal=Principal(name="x", tenant="other"))

    with pytest.raises(NotFound):
        await read(stranger, Read(id=secret))
    assert (await browse(stranger, Browse(look=Look.ALL))).count == 0
    assert (await recall(stranger, Recall(query="tea", look=Look.ALL))).results == []
    assert (await stats(stranger, Stats())).memories == 0


async def test_in_reach_everything_works(
    context: Context, clock: FakeClock, embedder: FakeEmbedder
) -> None:
    team = limited(context)
    note = await remember(team, Remember(content="Our tea.", scope="team", name="tea"))
    await edit(team, Edit(id=note.id, content="Our green tea."))
    await move(team, Move(id=note.id, to_scope="team/kitchen"))
    answer = await recall(team, Recall(query="green tea", scope="team", look=Look.SUBTREE))
    assert [hit.memory.id for hit in answer.results] == [note.id]
    assert len((await history(team, History(id=note.id))).revisions) == 3
    await forget(team, ForgetOne(id=note.id))
    assert (await erase(team, EraseOne(id=note.id))).revisions == 4
    assert clock() == cast("FakeClock", context.now)()
    assert embedder.problem is None


async def test_a_tenant_that_is_no_name_is_refused_by_files(context: Context) -> None:
    with pytest.raises((InvalidRequest, NotFound)):
        await read(replace(context, principal=Principal(name="x", tenant="../other")), Read(id="1"))
