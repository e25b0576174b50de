"""Everything the product can do: one function and one request model each."""

from recollect.operations.browse import Browse, Page, browse
from recollect.operations.context import Context, Operation
from recollect.operations.edit import Changed, Edit, EditFields, Move, MoveFields, edit, move
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
    catch_up,
    check,
    reindex,
    stats,
    work,
)
from recollect.operations.read import History, Read, Revisions, history, read
from recollect.operations.recall import Hit, Recall, Recalled, candidates, recall
from recollect.operations.remember import Remember, Remembered, remember
from recollect.operations.request import Request, Result
from recollect.operations.transfer import Imported, export, import_lines
from recollect.operations.views import MemoryView

ALL = (
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
    history,
    stats,
    reindex,
    check,
    backup,
)
"""Every operation; exports and imports are streams beside them."""

__all__ = [
    "ALL",
    "BackedUp",
    "Backup",
    "Browse",
    "Changed",
    "Check",
    "Checked",
    "Context",
    "Edit",
    "EditFields",
    "EraseOne",
    "Erased",
    "Figures",
    "ForgetOne",
    "ForgetScope",
    "Forgotten",
    "History",
    "Hit",
    "Imported",
    "Ingest",
    "Ingested",
    "MemoryView",
    "Message",
    "Move",
    "MoveFields",
    "Operation",
    "Page",
    "Read",
    "Recall",
    "Recalled",
    "Reindex",
    "Reindexed",
    "Remember",
    "Remembered",
    "Request",
    "Result",
    "Revisions",
    "Stats",
    "backup",
    "browse",
    "candidates",
    "catch_up",
    "check",
    "edit",
    "erase",
    "export",
    "forget",
    "forget_scope",
    "history",
    "import_lines",
    "ingest",
    "move",
    "read",
    "recall",
    "reindex",
    "remember",
    "stats",
    "work",
]
