"""Everything the operations need from the outside world, as roles.

Every method that touches stored things takes the tenant first: an adapter never returns, counts,
ranks by or reveals another tenant's data. Adapters raise only the errors of `recollect.errors`.
"""

from recollect.ports.indexes import (
    Distribution,
    Nearest,
    ScoredOutline,
    TextIndex,
    VectorIndex,
)
from recollect.ports.models import Clock, Embedder, LanguageModel, Reranker, TokenCounter
from recollect.ports.recalls import ForeignRecallLog, RecallLog
from recollect.ports.records import ChangeLog, Counts, Outline, RecordStore
from recollect.ports.repository import (
    Agreement,
    Commit,
    Exchange,
    KeptText,
    Mirror,
    NoteRepository,
    SkippedFile,
)
from recollect.ports.resources import Resource, ResourceKind, Resources, ResourceStatus, find
from recollect.ports.secrets import DeviceCode, DeviceSignIn, SecretStore
from recollect.ports.upkeep import Fault, Job, JobCounts, JobQueue, Maintenance

__all__ = [
    "Agreement",
    "ChangeLog",
    "Clock",
    "Commit",
    "Counts",
    "DeviceCode",
    "DeviceSignIn",
    "Distribution",
    "Embedder",
    "Exchange",
    "Fault",
    "ForeignRecallLog",
    "Job",
    "JobCounts",
    "JobQueue",
    "KeptText",
    "LanguageModel",
    "Maintenance",
    "Mirror",
    "Nearest",
    "NoteRepository",
    "Outline",
    "RecallLog",
    "RecordStore",
    "Reranker",
    "Resource",
    "ResourceKind",
    "ResourceStatus",
    "Resources",
    "ScoredOutline",
    "SecretStore",
    "SkippedFile",
    "TextIndex",
    "TokenCounter",
    "VectorIndex",
    "find",
]
