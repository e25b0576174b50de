"""Data sets of conversations with questions whose evidence is known: LoCoMo and BEAM.

LoCoMo: Maharana et al., ACL 2024. BEAM: Tavakoli et al., 2025. Both are read from the path that
the user gives; none comes with the package.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from recollect.errors import InvalidRequest

ADVERSARIAL = 5
"""LoCoMo's category of questions that have no answer."""

_SESSION = re.compile(r"session_(\d+)")
_BETWEEN_IDS = re.compile(r"[\s;,]+")
_LOCOMO_DATE = "%I:%M %p on %d %B, %Y"
_BEAM_DATE = "%B-%d-%Y"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation.

    Attributes:
        id: Unique within the conversation.
        position: Order within the session, from 0.
        occurred_at: In UTC. Data sets date sessions, not messages: one microsecond is added for
            each position, so that the order survives.
    """

    id: str
    text: str
    producer: str
    session: str
    position: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the ids of the messages that answer it, at least one, distinct."""

    text: str
    category: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages in the order in which they were said, and questions about them."""

    id: str
    messages: tuple[Message, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set.

    Attributes:
        name: `locomo` or `beam`.
        skipped_ids: How many ids of evidence are malformed or name no message; they are left out.
        skipped_questions: How many questions that have an answer are left out, because no usable
            evidence is given for them.
    """

    name: str
    conversations: tuple[Conversation, ...]
    skipped_ids: int
    skipped_questions: int


class _LocomoTurn(BaseModel):
    speaker: str
    dia_id: str
    text: str
    blip_caption: str | None = None


class _LocomoQuestion(BaseModel):
    question: str
    category: int
    evidence: list[str] = []


class _LocomoSample(BaseModel):
    sample_id: str
    conversation: dict[str, list[_LocomoTurn] | str]
    qa: list[_LocomoQuestion]


class _BeamMessage(BaseModel):
    id: str
    role: str
    text: str
    session: int | str
    date: str = ""


class _BeamQuestion(BaseModel):
    question: str
    category: str
    evidence: list[str]


class _BeamSample(BaseModel):
    sample_id: str
    messages: list[_BeamMessage]
    questions: list[_BeamQuestion]


_FILE = TypeAdapter(list[_LocomoSample] | list[_BeamSample])


def load(path: Path) -> Dataset:
    """Read a file of LoCoMo or BEAM; which of the two is seen from its fields.

    Raises:
        InvalidRequest: The file cannot be read, or is neither.
    """
    try:  # pydantic's ValidationError and strptime's error are ValueErrors.
        samples = _FILE.validate_json(path.read_bytes())
        return _dataset(samples)
    except OSError as error:
        raise InvalidRequest(f"cannot read the data set {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidRequest(
            f"{path} is no data set of LoCoMo or BEAM, or holds a date that cannot be read"
        ) from error


@dataclass(slots=True)
class _Skipped:
    ids: int = 0
    questions: int = 0


def _dataset(samples: Sequence[_LocomoSample | _BeamSample]) -> Dataset:
    skipped = _Skipped()
    conversations: list[Conversation] = []
    name = "locomo"
    for sample in samples:
        match sample:
            case _LocomoSample():
                conversations.append(_locomo(sample, skipped))
            case _BeamSample():
                name = "beam"
                conversations.append(_beam(sample, skipped))
    return Dataset(
        name=name,
        conversations=tuple(conversations),
        skipped_ids=skipped.ids,
        skipped_questions=skipped.questions,
    )


def _locomo(sample: _LocomoSample, skipped: _Skipped) -> Conversation:
    numbers = sorted(
        int(match[1]) for key in sample.conversation if (match := _SESSION.fullmatch(key))
    )
    messages = tuple(
        message for number in numbers for message in _locomo_session(sample.conversation, number)
    )
    answerable = (
        (q.question, str(q.category), _split(q.evidence))
        for q in sample.qa
        if q.category != ADVERSARIAL
    )
    questions = _questions(answerable, messages, skipped)
    return Conversation(id=sample.sample_id, messages=messages, questions=questions)


def _locomo_session(
    conversation: dict[str, list[_LocomoTurn] | str], number: int
) -> Iterable[Message]:
    turns, said = conversation[f"session_{number}"], conversation.get(f"session_{number}_date_time")
    if isinstance(turns, str) or not isinstance(said, str):
        raise InvalidRequest(f"session_{number} of the data set has no turns or no date")
    began = datetime.strptime(said, _LOCOMO_DATE).replace(tzinfo=UTC)
    for position, turn in enumerate(turns):
        photo = f" [shares a photo: {turn.blip_caption}]" if turn.blip_caption else ""
        yield Message(
            id=turn.dia_id,
            text=turn.text + photo,
            producer=turn.speaker,
            session=f"session_{number}",
            position=position,
            occurred_at=began + timedelta(microseconds=position),
        )


def _beam(sample: _BeamSample, skipped: _Skipped) -> Conversation:
    """Only some messages carry a date; it holds until the next."""
    dates = [message.date for message in sample.messages if message.date]
    if not dates:
        raise InvalidRequest(f"the conversation {sample.sample_id} has no date")
    began = _beam_date(dates[0])
    positions: dict[str, int] = {}
    messages: list[Message] = []
    for message in sample.messages:
        began = _beam_date(message.date) if message.date else began
        session = str(message.session)
        position = positions[session] = positions.get(session, -1) + 1
        messages.append(
            Message(
                id=message.id,
                text=message.text,
                producer=message.role,
                session=session,
                position=position,
                occurred_at=began + timedelta(microseconds=position),
            )
        )
    asked = ((q.question, q.category, q.evidence) for q in sample.questions)
    questions = _questions(asked, messages, skipped)
    return Conversation(id=sample.sample_id, messages=tuple(messages), questions=questions)


def _beam_date(text: str) -> datetime:
    return datetime.strptime(text, _BEAM_DATE).replace(tzinfo=UTC)


def _split(evidence: Iterable[str]) -> list[str]:
    """The ids in the entries: some entries hold several, some ids are malformed."""
    return [id_ for entry in evidence for id_ in _BETWEEN_IDS.split(entry.strip()) if id_]


def _questions(
    asked: Iterable[tuple[str, str, Sequence[str]]],
    messages: Sequence[Message],
    skipped: _Skipped,
) -> tuple[Question, ...]:
    known = {message.id for message in messages}
    questions: list[Question] = []
    for text, category, ids in asked:
        evidence = tuple(id_ for id_ in dict.fromkeys(ids) if id_ in known)
        skipped.ids += sum(id_ not in known for id_ in ids)
        if evidence:
            questions.append(Question(text=text, category=category, evidence=evidence))
        else:
            skipped.questions += 1
    return tuple(questions)
