"""How much a tenant holds."""

from typing import Any

from recollect.adapters.postgres.database import Cursor
from recollect.ports import Counts

# Of the database's files only the whole is known; this is what the tenant put there, without
# indexes and what rows cost.
_SIZE = """
select (select coalesce(sum(octet_length(content) + octet_length(metadata::text)), 0)
        from memory where tenant = %(tenant)s)
     + (select coalesce(sum(octet_length(payload)), 0) from revision where tenant = %(tenant)s)
     + (select coalesce(sum(2 * dimensions), 0) from passage where tenant = %(tenant)s)
"""


async def count_all(cursor: Cursor, tenant: str, model: str) -> Counts:
    """Count everything of the tenant in one snapshot."""

    async def one(statement: str, *values: Any) -> int:
        await cursor.execute(f"select {statement}".encode(), [tenant, *values])
        row = await cursor.fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    async def table(column: str) -> dict[str, int]:
        await cursor.execute(
            f"select {column}, count(*) from memory where tenant = %s and {column} is not null "  # noqa: S608
            f"group by {column} order by {column}".encode(),
            [tenant],
        )
        return dict(await cursor.fetchall())

    await cursor.execute(_SIZE, {"tenant": tenant})
    size = await cursor.fetchone()
    return Counts(
        by_kind=await table("kind"),
        by_scope=await table("scope"),
        by_model=await table("embedded_by"),
        links=await one("count(*) from link where tenant = %s"),
        revisions=await one("count(*) from revision where tenant = %s"),
        last_seq=await one("max(seq) from tenant where name = %s"),
        waiting=await one(
            "count(*) from memory where tenant = %s and embedded_by is distinct from %s", model
        ),
        size_bytes=int(size[0]) if size else 0,
    )
