"""The notes of a git remote, read without keeping a copy of it."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from recollect.app.credentials import token_for
from recollect.app.wiring import open_clone
from recollect.errors import NotFound
from recollect.operations.mirror import contents_of
from recollect.settings import Settings


async def notes_of(settings: Settings, url: str, branch: str) -> dict[str, bytes]:
    """Fetch the branch; gives the content of each note's file by its path.

    Raises:
        NotFound: The remote has no such branch.
        Unavailable: It is out of reach or refuses the credential.
    """
    with TemporaryDirectory(prefix="recollect-") as folder:
        repository = await open_clone(
            settings, Path(folder) / "notes", url, branch, partial(credential, settings)
        )
        commit = await repository.fetch()
        if commit is None:
            raise NotFound(f"the branch {branch} of the remote")
        return await contents_of(repository, await repository.notes(commit))


async def credential(settings: Settings, url: str) -> SecretStr | None:
    """The token for a remote's address, if there is one."""
    found = await token_for(settings, url)
    return None if found is None else found.token
