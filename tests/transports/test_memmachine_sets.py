"""Semantic sets, categories and features in the face of MemMachine."""

from typing import Any

import anyio
import pytest
from tests.transports.memmachine import Face, refused

pytestmark = pytest.mark.anyio

PROJECT_SET = "mem_project_set_org_acme_project_chat_0_46b9dd2b0ba8__"
ORG_SET = "mem_set_type_org_acme_0_46b9dd2b0ba8__"
PROFILE = {"category_name": "profile", "tag": "Food", "feature": "drink", "value": "Green tea."}
SEMANTIC = "/memories/semantic"


async def known(face: Face, set_id: str = PROJECT_SET, **body: Any) -> str:
    """Add a feature and give its id."""
    added = await face.ask(f"{SEMANTIC}/feature", 201, set_id=set_id, **(PROFILE | body))
    assert added.keys() == {"feature_id"}
    assert added["feature_id"].isdecimal()
    return added["feature_id"]


async def values(face: Face, **body: Any) -> list[str]:
    """The values of the features that are listed."""
    content = (await face.ask("/memories/list", type="semantic", **body))["content"]
    return [feature["value"] for feature in content["semantic_memory"]]


async def searched(face: Face, query: str, **body: Any) -> list[Any]:
    """The features that a search finds."""
    answer = await face.ask("/memories/search", query=query, types=["semantic"], **body)
    return answer["content"]["semantic_memory"]


# Sets


async def test_a_type_of_sets_is_made_once(any_face: Face) -> None:
    path = f"{SEMANTIC}/set_type"
    first = await any_face.ask(path, 201, metadata_tags=["b ", "a", "a"], name="First")
    assert first.keys() == {"set_type_id"}
    again = await any_face.ask(path, 201, metadata_tags=["a", "b"], name="Second")
    assert again == first
    other = await any_face.ask(path, 201, metadata_tags=["a", "b"], is_org_level=True)
    assert other != first
    listed = (await any_face.ask(f"{path}/list"))["set_types"]
    assert listed[0] == {
        "id": first["set_type_id"],
        "is_org_level": False,
        "tags": ["a", "b"],
        "name": "First",
        "description": None,
    }
    assert len(listed) == 2
    await any_face.ask(f"{path}/delete", 204, **first)
    await any_face.ask(f"{path}/delete", 204, **first)
    await any_face.ask(f"{path}/delete", 204, set_type_id="999")
    refused(await any_face.ask(f"{path}/delete", 422, set_type_id="x"), "RequestValidationError")
    assert len((await any_face.ask(f"{path}/list"))["set_types"]) == 1


@pytest.mark.parametrize(
    ("body", "set_id"),
    [
        ({"metadata_tags": []}, PROJECT_SET),
        ({"metadata_tags": [], "is_org_level": True}, ORG_SET),
        ({"metadata_tags": ["k"], "set_metadata": {"x": 1}}, PROJECT_SET),
        ({"metadata_tags": ["k"], "set_metadata": None}, PROJECT_SET),
        (
            {
                "metadata_tags": ["producer_id"],
                "is_org_level": True,
                "set_metadata": {"producer_id": "alice"},
            },
            "mem_user_set_org_acme_1_7e8d0b20c039__producer_id_alice",
        ),
    ],
)
async def test_ids_of_sets_are_those_that_clients_know(
    face: Face, body: dict[str, Any], set_id: str
) -> None:
    assert await face.ask(f"{SEMANTIC}/set_id/get", **body) == {"set_id": set_id}


async def test_the_sets_of_metadata_are_listed(face: Face) -> None:
    await face.ask(f"{SEMANTIC}/set_type", 201, metadata_tags=["team"], name="Team")
    plain = (await face.ask(f"{SEMANTIC}/set_id/list"))["sets"]
    assert {one["id"] for one in plain} == {PROJECT_SET, ORG_SET}
    assert all(one.keys() == {"id", "is_org_level", "tags", "name", "description"} for one in plain)
    metadata = {"team": "blue", "producer_id": "ann"}
    more = (await face.ask(f"{SEMANTIC}/set_id/list", set_metadata=metadata))["sets"]
    assert len(more) == 4
    assert [one["tags"] for one in more if one["name"] == "Team"] == [["team"]]


async def test_a_set_may_choose_models_that_there_are(face: Face) -> None:
    path = f"{SEMANTIC}/set/configure"
    await face.ask(path, 204, set_id=PROJECT_SET, embedder_name=None, llm_name=None)
    await face.ask(path, 204, set_id=PROJECT_SET)
    refused(await face.ask(path, 422, set_id=PROJECT_SET, llm_name="nobody's"), "InvalidRequest")
    refused(await face.ask(path, 422, set_id="my set"), "InvalidRequest")


# Categories


async def test_a_category_lives_and_dies_with_its_features(any_face: Face) -> None:
    path = f"{SEMANTIC}/category"
    body = {"set_id": PROJECT_SET, "category_name": "travel", "prompt": "Journeys."}
    created = await any_face.ask(path, 201, **body)
    assert await any_face.ask(f"{path}/get", **created) == {
        "id": created["category_id"],
        "name": "travel",
        "prompt": "Journeys.",
        "description": None,
    }
    refused(await any_face.ask(path, 409, **body), "AlreadyExists")
    assert await any_face.ask(f"{path}/set_ids/get", **created) == {"set_ids": [PROJECT_SET]}
    tag = {"tag_name": "Cities", "tag_description": "Where to."}
    named = await any_face.ask(f"{path}/tag", 201, **created, **tag)
    await any_face.ask(f"{path}/tag/delete", 204, **named)
    await any_face.ask(f"{path}/tag/delete", 204, **named)
    await known(any_face, category_name="travel", value="Rome.")
    await known(any_face)
    await any_face.ask(f"{path}/delete", 204, **created)
    await any_face.ask(f"{path}/delete", 204, **created)
    refused(await any_face.ask(f"{path}/get", 404, **created))
    assert await any_face.ask(f"{path}/set_ids/get", **created) == {"set_ids": []}
    assert await values(any_face) == [PROFILE["value"]]


async def test_templates_are_inherited_by_the_sets_of_their_type(face: Face) -> None:
    path = f"{SEMANTIC}/category/template"
    of_type = await face.ask(f"{SEMANTIC}/set_type", 201, metadata_tags=["team"])
    body = {"category_name": "rules", "prompt": "Rules."}
    created = await face.ask(path, 201, **of_type, **body)
    assert await face.ask(f"{path}/list", **of_type) == {
        "categories": [
            {
                "id": created["category_id"],
                "name": "rules",
                "origin_type": "set_type",
                "origin_id": of_type["set_type_id"],
                "inherited": True,
            }
        ]
    }
    named = {"metadata_tags": ["team"], "set_metadata": {"team": "blue"}}
    blue = await face.ask(f"{SEMANTIC}/set_id/get", **named)
    sets = await face.ask(f"{SEMANTIC}/category/set_ids/get", **created)
    assert sets == {"set_ids": [blue["set_id"]]}
    await known(face, blue["set_id"], category_name="rules")
    assert await face.ask(f"{path}/list", set_type_id="999") == {"categories": []}
    refused(await face.ask(path, 404, set_type_id="999", **body))


async def test_a_set_may_do_without_a_default_category(face: Face) -> None:
    path = f"{SEMANTIC}/category/disable"
    for name in ("profile", "profile", "no such category"):
        await face.ask(path, 204, set_id=PROJECT_SET, category_name=name)
    refused(await face.ask(f"{SEMANTIC}/feature", 404, set_id=PROJECT_SET, **PROFILE))
    await known(face, "mem_project_set_anything")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("category/get", {"category_id": "999"}, 404), ("category/get", {"category_id": "x"}, 404),
        ("category/get", {"category_id": 5}, 422), ("category/delete", {"category_id": "x"}, 422),
        ("category/delete", {"category_id": "999"}, 204),
        ("category/set_ids/get", {"category_id": "x"}, 422),
        ("category/template/list", {"set_type_id": "x"}, 422),
        ("category/tag", {"category_id": "x", "tag_name": "t", "tag_description": ""}, 404),
        ("category/tag", {"category_id": "9", "tag_name": "t", "tag_description": ""}, 404),
        ("category/tag/delete", {"tag_id": "x"}, 422),
        ("category/tag/delete", {"tag_id": "999"}, 204),
        ("feature/get", {"feature_id": "nonexistent_feature_id"}, 404),
        ("feature/get", {"feature_id": "999"}, 404), ("feature/get", {"feature_id": ""}, 404),
        ("feature/get", {"feature_id": "9" * 400}, 404), ("feature/get", {"feature_id": "²"}, 404),
        ("feature/update", {"feature_id": "999", "value": "x"}, 404),
        ("feature/update", {"feature_id": "x"}, 404),
        ("delete", {}, 422), ("delete", {"semantic_id": " "}, 422),
        ("delete", {"semantic_id": "999"}, 204), ("delete", {"semantic_ids": ["x"]}, 404),
        ("feature", {"set_id": "my set"} | PROFILE, 422),
        ("feature", {"set_id": PROJECT_SET} | PROFILE | {"category_name": "other"}, 404),
        ("feature", {"set_id": ORG_SET} | PROFILE, 404),
        ("feature", {"set_id": PROJECT_SET} | PROFILE | {"citations": ["5"]}, 422),
    ],
)  # fmt: skip
async def test_what_is_unknown_or_malformed_is_told(
    face: Face, path: str, body: dict[str, Any], status: int
) -> None:
    await face.ask(f"{SEMANTIC}/{path}", status, **body)


# Features


async def test_a_feature_is_given_as_it_was_added(any_face: Face) -> None:
    [uid] = await any_face.add("I drink green tea.")
    metadata = {"sure": True, "n": 5, "nothing": None}
    feature_id = await known(any_face, feature_metadata=metadata, citations=[uid])
    shown = {
        "set_id": PROJECT_SET,
        "category": "profile",
        "tag": "Food",
        "feature_name": "drink",
        "value": "Green tea.",
        "metadata": {
            "id": feature_id,
            "other": {"sure": "True", "n": "5", "nothing": "None"},
        },
    }
    path = f"{SEMANTIC}/feature/get"
    assert await any_face.ask(path, feature_id=feature_id) == shown
    assert await searched(any_face, "tea") == [shown]
    listed = await any_face.ask("/memories/list", type="semantic")
    assert listed["content"]["semantic_memory"] == [shown]
    cited = await any_face.ask(path, feature_id=feature_id, load_citations=True)
    assert cited["metadata"].pop("citations") == [uid]
    assert cited == shown


async def test_an_update_changes_what_is_given(any_face: Face) -> None:
    feature_id = await known(any_face, feature_metadata={"a": "b"})
    path = f"{SEMANTIC}/feature/update"
    await any_face.ask(path, 204, feature_id=feature_id)
    await any_face.ask(path, 204, feature_id=feature_id, value="Black tea.", tag=None)
    found = await any_face.ask(f"{SEMANTIC}/feature/get", feature_id=feature_id)
    assert (found["value"], found["tag"]) == ("Black tea.", "Food")
    assert found["metadata"]["other"] == {"a": "b"}
    await any_face.ask(
        path, 204, feature_id=feature_id, tag="T", feature="F", metadata={"c": "d", "e": None}
    )
    found = await any_face.ask(f"{SEMANTIC}/feature/get", feature_id=feature_id)
    assert (found["tag"], found["feature_name"]) == ("T", "F")
    assert found["metadata"]["other"]["c"] == "d"
    assert [f["value"] for f in await searched(any_face, "tea")] == ["Black tea."]
    assert await values(any_face) == ["Black tea."]
    refused(await any_face.ask(path, 404, feature_id=feature_id, category_name="none"))


async def test_deleted_features_are_gone_for_good(any_face: Face) -> None:
    one, two, three = [await known(any_face, value=value) for value in ("One.", "Two.", "Three.")]
    path = f"{SEMANTIC}/delete"
    refused(await any_face.ask(path, 404, semantic_ids=[one, "x"]))
    assert await values(any_face) == ["One.", "Two.", "Three."]
    await any_face.ask(path, 204, semantic_id=f" {one} ", semantic_ids=[two, "999", one])
    assert await values(any_face) == ["Three."]
    assert [f["metadata"]["id"] for f in await searched(any_face, "one two")] == [three]
    await any_face.ask(f"{SEMANTIC}/feature/get", 404, feature_id=one)


async def test_a_feature_ends_with_the_last_episode_that_supports_it(any_face: Face) -> None:
    uids = await any_face.add("I drink tea.", "Tea it is.")
    await known(any_face, citations=uids)
    await known(any_face, value="Likes cake.")
    delete = "/memories/episodic/delete"
    await any_face.ask(delete, 204, episodic_id=uids[0])
    assert await values(any_face) == ["Green tea.", "Likes cake."]
    await any_face.ask(delete, 204, episodic_id=uids[1])
    assert await values(any_face) == ["Likes cake."]


async def test_features_are_filtered_by_their_fields(any_face: Face) -> None:
    await known(any_face, feature_metadata={"n": 5})
    await known(any_face, value="Rome.", tag="Travel", feature="city")
    for filter_, expected in [
        ("tag = 'Food'", ["Green tea."]),
        ("feature_name = 'city' OR value = 'Green tea.'", ["Green tea.", "Rome."]),
        ("m.n = 5", ["Green tea."]),
        ("category = 'profile' AND NOT tag_id = 'Food'", ["Rome."]),
        ("producer_id = 'user'", []),
        (f"set_id = '{PROJECT_SET}'", ["Green tea.", "Rome."]),
    ]:
        assert await values(any_face, filter=filter_) == expected
        found = await searched(any_face, "anything", filter=filter_)
        assert sorted(feature["value"] for feature in found) == expected
    assert await values(any_face, page_size=1, page_num=1) == ["Rome."]


async def test_metadata_selects_sets(any_face: Face) -> None:
    named = {"metadata_tags": ["producer_id"], "is_org_level": True}
    ann = {"set_metadata": {"producer_id": "ann"}}
    user_set = (await any_face.ask(f"{SEMANTIC}/set_id/get", **named, **ann))["set_id"]
    body = {"set_id": user_set, "category_name": "profile", "prompt": "x"}
    await any_face.ask(f"{SEMANTIC}/category", 201, **body)
    await known(any_face, user_set, value="Ann's tea.")
    await known(any_face, value="Everybody's tea.")
    assert await values(any_face) == ["Everybody's tea."]
    assert await values(any_face, **ann) == ["Ann's tea.", "Everybody's tea."]
    assert len(await searched(any_face, "tea", top_k=1, **ann)) == 2
    colleague = any_face.of(project_id="other")
    assert await values(colleague, **ann) == ["Ann's tea."]


# Whose they are


async def test_organisations_with_names_that_run_together_share_nothing(any_face: Face) -> None:
    one = any_face.of(org_id="a", project_id="b_project_c")
    other = any_face.of(org_id="a_project_b", project_id="c")
    ids = [
        (await face.ask(f"{SEMANTIC}/set_id/get", metadata_tags=[]))["set_id"]
        for face in (one, other)
    ]
    feature_id = await known(one, ids[0], value="One's.")
    assert await values(other) == []
    assert await searched(other, "one") == []
    await other.ask(f"{SEMANTIC}/feature/get", 404, feature_id=feature_id)
    await known(other, ids[0], value="Other's.")
    assert await values(one) == ["One's."]


async def test_values_that_run_together_name_different_sets(face: Face) -> None:
    tags = {"metadata_tags": ["k1", "k2"]}
    ids = {
        (await face.ask(f"{SEMANTIC}/set_id/get", **tags, set_metadata=metadata))["set_id"]
        for metadata in ({"k1": "x_k2_y", "k2": "z"}, {"k1": "x", "k2": "y_k2_z"})
    }
    assert len(ids) == 2


async def test_nobody_reaches_what_belongs_to_another_organisation(any_face: Face) -> None:
    feature_id = await known(any_face)
    of_type = await any_face.ask(f"{SEMANTIC}/set_type", 201, metadata_tags=["team"])
    body = {"category_name": "c", "prompt": "p"}
    template = await any_face.ask(f"{SEMANTIC}/category/template", 201, **of_type, **body)
    category = await any_face.ask(f"{SEMANTIC}/category", 201, set_id=PROJECT_SET, **body)
    tag = await any_face.ask(
        f"{SEMANTIC}/category/tag", 201, **category, tag_name="t", tag_description=""
    )
    stranger = any_face.of(org_id="other")
    await stranger.ask(f"{SEMANTIC}/feature/get", 404, feature_id=feature_id)
    await stranger.ask(f"{SEMANTIC}/feature/update", 404, feature_id=feature_id, value="x")
    await stranger.ask(f"{SEMANTIC}/delete", 204, semantic_id=feature_id)
    await stranger.ask(f"{SEMANTIC}/set_type/delete", 204, **of_type)
    for gone in (template, category):
        await stranger.ask(f"{SEMANTIC}/category/get", 404, **gone)
        await stranger.ask(f"{SEMANTIC}/category/delete", 204, **gone)
    await stranger.ask(f"{SEMANTIC}/category/tag/delete", 204, **tag)
    assert (await stranger.ask(f"{SEMANTIC}/set_type/list"))["set_types"] == []
    assert await values(stranger) == []
    assert await searched(stranger, "tea") == []
    for kept in (template, category):
        await any_face.ask(f"{SEMANTIC}/category/get", **kept)
    assert len((await any_face.ask(f"{SEMANTIC}/set_type/list"))["set_types"]) == 1
    assert await values(any_face) == [PROFILE["value"]]


async def test_a_project_takes_nothing_of_its_organisation_along(any_face: Face) -> None:
    shared = {"set_id": ORG_SET, "category_name": "rules", "prompt": "x"}
    await any_face.ask(f"{SEMANTIC}/category", 201, **shared)
    await any_face.ask("/projects", 201)
    await known(any_face, ORG_SET, category_name="rules", value="The organisation's.")
    await known(any_face, value="The project's.")
    neighbour = any_face.of(project_id="other")
    await any_face.ask("/projects/delete", 204)
    assert await values(any_face) == ["The organisation's."]
    assert await values(neighbour) == ["The organisation's."]


async def test_features_added_at_once_have_ids_of_their_own(any_face: Face) -> None:
    ids: list[str] = []

    async def add() -> None:
        ids.append(await known(any_face))

    async with anyio.create_task_group() as all_at_once:
        for _ in range(8):
            all_at_once.start_soon(add)
    assert len(set(ids)) == 8
