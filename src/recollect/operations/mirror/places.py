"""Whether a note's file can lie beside the others, on every file system."""

from recollect.domain.note_files import parse
from recollect.domain.note_paths import check_portable, path_of
from recollect.errors import AlreadyExists, UnreadableNote
from recollect.operations.mirror.files import memory_id
from recollect.operations.mirror.mounts import Mount


async def check_place(mount: Mount, scope: str, name: str, own_id: str = "") -> None:
    """Refuse a place that is not free; as the port `Mirror` says.

    Asked is what the last pass saw: a write must not wait here for another one's commit.
    """
    check_portable(scope, name)
    path = path_of(scope, name)
    blob = mount.files.blobs.get(path)
    if mount.files.paths.blocks(path) or (
        blob and await _is_of_another(mount, blob, (scope, name), own_id)
    ):
        raise AlreadyExists(
            "another note's file is in the way of this one's, or its path differs in case alone; "
            "choose another name"
        )


async def _is_of_another(mount: Mount, blob: str, place: tuple[str, str], own_id: str) -> bool:
    (content,) = await mount.repository.read([blob])
    try:
        file = parse(content)
    except UnreadableNote:
        return True
    return (file.scope, file.name) != place and memory_id(file.id) != own_id
