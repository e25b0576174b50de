"""Everything the product can do: one function and one request model each.

What only the faces of other systems offer is imported by them from `operations.conversations`.
"""

from recollect.operations.browse import Browse, Page, browse
from recollect.operations.configure import (
    Configure,
    Configured,
    ReadConfiguration,
    configuration_now,
    configure,
    read_configuration,
)
from recollect.operations.context import Context, Operation
from recollect.operations.edit import Edit, EditFields, Move, MoveFields, edit, move
from recollect.operations.facts import Correct, CorrectFields, Learn, Learned, correct, learn
from recollect.operations.feedback import (
    ArmVerdicts,
    BatchMarkApplied,
    Bucket,
    Mark,
    Marked,
    RankVerdicts,
    RecallFigures,
    RecallStats,
    batch_mark_applied,
    recall_stats,
)
from recollect.operations.forget import (
    Erased,
    EraseOne,
    ForgetOne,
    ForgetScope,
    Forgotten,
    erase,
    forget,
    forget_scope,
)
from recollect.operations.import_recalls import ImportedRecalls, ImportRecallLog, import_recall_log
from recollect.operations.ingest import Ingest, Ingested, Message, ingest
from recollect.operations.maintain import (
    BackedUp,
    Backup,
    Check,
    Checked,
    Figures,
    Reindex,
    Reindexed,
    Stats,
    backup,
    check,
    reindex,
    stats,
)
from recollect.operations.memory_configuration import (
    EpisodicMemory,
    EpisodicUpdate,
    LongTermMemory,
    LongTermUpdate,
    MemoryConfiguration,
    SemanticMemory,
    SemanticUpdate,
    ShortTermMemory,
    ShortTermUpdate,
)
from recollect.operations.mirror.skipped import skipped_files
from recollect.operations.prompt_context import Prompt, PromptContext, SummaryView, prompt_context
from recollect.operations.read import History, Read, Revisions, WholeMemory, history, read
from recollect.operations.recall import Hit, Recall, Recalled, candidates, recall
from recollect.operations.remember import Remember, Remembered, remember
from recollect.operations.request import Request, Result
from recollect.operations.resources import (
    AddResource,
    ListResources,
    RemoveResource,
    ResourceRemoved,
    ResourcesListed,
    ResourceView,
    RetryResource,
    add_resource,
    list_resources,
    remove_resource,
    retry_resource,
)
from recollect.operations.revising import Changed
from recollect.operations.summaries import Session
from recollect.operations.sync import Sync, Synced, sync
from recollect.operations.transfer import Imported, export, import_lines
from recollect.operations.views import MemoryView
from recollect.operations.work import EMBEDDING, QUEUES, Queue, catch_up, work
from recollect.operations.working_memory import working_memory

OFFERED = (
    remember,
    recall,
    read,
    edit,
    move,
    forget,
    forget_scope,
    erase,
    browse,
    ingest,
    prompt_context,
    learn,
    correct,
    history,
    batch_mark_applied,
    recall_stats,
    import_recall_log,
    sync,
    stats,
    reindex,
    check,
    backup,
)
"""The operations that our own interfaces offer, all of them under the same names.

Exports and imports are streams beside them.
"""

CONFIGURING = (
    read_configuration,
    configure,
    list_resources,
    add_resource,
    remove_resource,
    retry_resource,
)
"""The operations on the server itself, which MemMachine's face offers if it is told to."""

__all__ = [
    "CONFIGURING",
    "EMBEDDING",
    "OFFERED",
    "QUEUES",
    "AddResource",
    "ArmVerdicts",
    "BackedUp",
    "Backup",
    "BatchMarkApplied",
    "Browse",
    "Bucket",
    "Changed",
    "Check",
    "Checked",
    "Configure",
    "Configured",
    "Context",
    "Correct",
    "CorrectFields",
    "Edit",
    "EditFields",
    "EpisodicMemory",
    "EpisodicUpdate",
    "EraseOne",
    "Erased",
    "Figures",
    "ForgetOne",
    "ForgetScope",
    "Forgotten",
    "History",
    "Hit",
    "ImportRecallLog",
    "Imported",
    "ImportedRecalls",
    "Ingest",
    "Ingested",
    "Learn",
    "Learned",
    "ListResources",
    "LongTermMemory",
    "LongTermUpdate",
    "Mark",
    "Marked",
    "MemoryConfiguration",
    "MemoryView",
    "Message",
    "Move",
    "MoveFields",
    "Operation",
    "Page",
    "Prompt",
    "PromptContext",
    "Queue",
    "RankVerdicts",
    "Read",
    "ReadConfiguration",
    "Recall",
    "RecallFigures",
    "RecallStats",
    "Recalled",
    "Reindex",
    "Reindexed",
    "Remember",
    "Remembered",
    "RemoveResource",
    "Request",
    "ResourceRemoved",
    "ResourceView",
    "ResourcesListed",
    "Result",
    "RetryResource",
    "Revisions",
    "SemanticMemory",
    "SemanticUpdate",
    "Session",
    "ShortTermMemory",
    "ShortTermUpdate",
    "Stats",
    "SummaryView",
    "Sync",
    "Synced",
    "WholeMemory",
    "add_resource",
    "backup",
    "batch_mark_applied",
    "browse",
    "candidates",
    "catch_up",
    "check",
    "configuration_now",
    "configure",
    "correct",
    "edit",
    "erase",
    "export",
    "forget",
    "forget_scope",
    "history",
    "import_lines",
    "import_recall_log",
    "ingest",
    "learn",
    "list_resources",
    "move",
    "prompt_context",
    "read",
    "read_configuration",
    "recall",
    "recall_stats",
    "reindex",
    "remember",
    "remove_resource",
    "retry_resource",
    "skipped_files",
    "stats",
    "sync",
    "work",
    "working_memory",
]
