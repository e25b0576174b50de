"""Data sets are read as they are published, faults included."""

import json
from datetime import UTC, datetime

import pytest

from recollect.errors import InvalidRequest
from recollect.evaluation.datasets import load

LOCOMO = [
    {
        "sample_id": "talk-1",
        "conversation": {
            "speaker_a": "Ada",
            "speaker_b": "Bo",
            "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "Home again."}],
            "session_2_date_time": "9:05 am on 1 June, 2023",
            "session_1": [
                {"speaker": "Ada", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a red boat"},
                {"speaker": "Bo", "dia_id": "D1:2", "text": "Nice."},
            ],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
        },
        "qa": [
            {"question": "Which?", "answer": "red", "category": 1, "evidence": ["D1:1; D2:1"]},
            {"question": "Twice?", "answer": 2, "category": 3, "evidence": ["D1:2 D1:1", "D1:2"]},
            {"question": "Odd?", "answer": "", "category": 4, "evidence": ["D:1:2", "D9:9"]},
            {"question": "Empty?", "answer": "", "category": 4, "evidence": []},
            {"question": "Never?", "category": 5, "evidence": ["D1:1"]},
        ],
    }
]
BEAM = [
    {
        "sample_id": "chat-1",
        "messages": [
            {"id": "0", "role": "user", "text": "Hi", "session": 0, "date": "March-15-2024"},
            {"id": "1", "role": "assistant", "text": "Hello", "session": 0, "date": ""},
            {"id": "2", "role": "user", "text": "Later", "session": 1, "date": "April-01-2024"},
        ],
        "questions": [{"question": "When?", "category": "time", "evidence": ["2", "77"]}],
    }
]


@pytest.fixture
def read(tmp_path):
    def read_samples(samples):
        path = tmp_path / "set.json"
        path.write_text(samples if isinstance(samples, str) else json.dumps(samples), "utf-8")
        return load(path)

    return read_samples


def test_locomo_turns_come_in_the_order_of_sessions_with_their_captions(read):
    (talk,) = read(LOCOMO).conversations
    assert [m.id for m in talk.messages] == ["D1:1", "D1:2", "D2:1"]
    first, second, _ = talk.messages
    assert first.text == "Look! [shares a photo: a red boat]"
    assert (first.producer, first.session, second.position) == ("Ada", "session_1", 1)


def test_locomo_dates_are_read_and_keep_the_order_of_turns(read):
    first, second, third = read(LOCOMO).conversations[0].messages
    assert first.occurred_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert first.occurred_at < second.occurred_at < third.occurred_at
    assert third.occurred_at == datetime(2023, 6, 1, 9, 5, tzinfo=UTC)


def test_locomo_evidence_is_split_and_what_is_malformed_is_counted(read):
    dataset = read(LOCOMO)
    questions = dataset.conversations[0].questions
    assert [(q.text, q.evidence) for q in questions] == [
        ("Which?", ("D1:1", "D2:1")),
        ("Twice?", ("D1:2", "D1:1")),
    ]
    assert (dataset.name, dataset.skipped_ids, dataset.skipped_questions) == ("locomo", 2, 2)


def test_adversarial_questions_are_left_out(read):
    assert "5" not in {q.category for q in read(LOCOMO).conversations[0].questions}


def test_a_beam_date_holds_until_the_next(read):
    dataset = read(BEAM)
    (chat,) = dataset.conversations
    assert [m.occurred_at.date().isoformat() for m in chat.messages] == [
        "2024-03-15",
        "2024-03-15",
        "2024-04-01",
    ]
    assert [(m.producer, m.session, m.position) for m in chat.messages] == [
        ("user", "0", 0),
        ("assistant", "0", 1),
        ("user", "1", 0),
    ]
    assert chat.questions[0].evidence == ("2",)
    assert (dataset.name, dataset.skipped_ids) == ("beam", 1)


@pytest.mark.parametrize("samples", ["no json", '{"a": 1}', [{"sample_id": "x"}]])
def test_another_file_is_refused(read, samples):
    with pytest.raises(InvalidRequest):
        read(samples)


def test_a_date_that_cannot_be_read_is_refused(read):
    spoiled = json.loads(json.dumps(BEAM))
    spoiled[0]["messages"][0]["date"] = "some day"
    with pytest.raises(InvalidRequest):
        read(spoiled)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidRequest):
        load(tmp_path / "nowhere.json")
