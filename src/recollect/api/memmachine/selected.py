"""Which sets of facts a question looks at."""

from recollect.api.memmachine.schemas import OfProject, SetMetadata
from recollect.domain.sets import SetKey
from recollect.operations import Context, conversations


async def selected_sets(
    context: Context, body: OfProject, metadata: SetMetadata | None
) -> list[SetKey]:
    """The sets that the metadata belongs to; the organisation's and the project's always."""
    request = conversations.ListSets(
        org=body.org_id, project=body.project_id, metadata=metadata or {}
    )
    found = await conversations.list_sets(context, request)
    return [SetKey(one.scope, one.set_id) for one in found.sets]
