"""Notes in git: the store and its repositories are brought to say the same."""

from recollect.operations.mirror.exchange import exchange
from recollect.operations.mirror.files import contents_of
from recollect.operations.mirror.mounts import Mount, mounts_of
from recollect.operations.mirror.passes import Passed, mirror
from recollect.operations.mirror.places import check_place
from recollect.operations.mirror.skipped import skipped_files

__all__ = [
    "Mount",
    "Passed",
    "check_place",
    "contents_of",
    "exchange",
    "mirror",
    "mounts_of",
    "skipped_files",
]
