"""Two processes on one data folder are one memory."""

from pathlib import Path

from tests.e2e.servers import serving


def test_two_servers_on_one_folder_see_each_others_writes_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as one, serving(tmp_path) as other:
        for writer, reader, word in ((one, other, "zebra"), (other, one, "giraffe")):
            writer.until_all_is_embedded()
            reader.until_all_is_embedded()
            for number in range(5):
                text = f"The {word} has the number {number}"
                memory = writer.remember(text)
                assert reader.arms(text, memory) == {"dense", "lexical"}

                assert writer.http.delete(f"/v1/memories/{memory}").is_success
                assert reader.arms(text, memory) is None


def test_messages_of_one_server_are_the_others_too(tmp_path: Path) -> None:
    with serving(tmp_path) as one, serving(tmp_path) as other:
        for number, server in enumerate([one, other] * 3):
            message = {"content": f"This is message {number}", "producer": "Ann"}
            server.ask("/v1/messages", {"session": "s", "messages": [message]})

        listed = one.http.get("/v1/memories").json()

        assert [m["position"] for m in listed["memories"]] == list(range(6))
        assert listed == other.http.get("/v1/memories").json()
        assert other.faults() == []
