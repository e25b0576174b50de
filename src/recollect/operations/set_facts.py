"""The facts of sets: found by their number, and listed."""

from collections.abc import Iterable, Mapping

from recollect.domain.filters import And, Comparison, Filter, In, Operator, Or, RecordField, all_of
from recollect.domain.memory import Fact, Kind, Memory
from recollect.domain.scopes import ScopeSet
from recollect.domain.selection import Selection
from recollect.domain.sets import SetKey
from recollect.errors import NotFound
from recollect.operations.context import Context
from recollect.operations.selecting import of_kinds, true_at, unexpired


def set_of(fact: Memory) -> SetKey:
    """The set that the fact belongs to."""
    return SetKey(fact.scope, fact.detail.set_id if isinstance(fact.detail, Fact) else "")


def in_sets(keys: Iterable[SetKey]) -> Filter:
    """Lets through the facts of these sets, of which there is at least one."""
    return Or(
        tuple(
            And(
                (
                    Comparison(RecordField("scope"), Operator.EQ, scope),
                    In(RecordField("set_id"), set_ids),
                )
            )
            for scope, set_ids in _by_scope(keys).items()
        )
    )


async def fact_numbered(context: Context, scopes: Iterable[str], number: str) -> Memory:
    """The fact that bears this number in one of these scopes.

    Raises:
        NotFound: There is none, or the principal may not see it: the two look the same.
    """
    reach = ScopeSet.listed(scopes).narrowed_to(context.principal.scopes)
    for fact in await context.records.facts_called(context.tenant, [number]):
        if reach.covers(fact.scope) and not context.has_expired(fact):
            return fact
    raise NotFound(number, what="fact")


async def facts_of(
    context: Context,
    keys: Iterable[SetKey],
    matching: Filter | None = None,
    *,
    offset: int,
    limit: int,
) -> list[Memory]:
    """Up to `limit` facts of these sets that hold now, in order of time, behind the first ones."""
    now = context.now()
    facts: list[Memory] = []
    for scope, set_ids in _by_scope(keys).items():
        chosen = all_of(
            (
                of_kinds((Kind.FACT,)),
                In(RecordField("set_id"), set_ids),
                matching,
                true_at(now),
                unexpired(now),
            )
        )
        reach = ScopeSet.listed([scope]).narrowed_to(context.principal.scopes)
        selection = Selection(scopes=reach, filter=chosen)
        facts += await context.records.browse(context.tenant, selection, None, offset + limit)
    facts.sort(key=lambda fact: (fact.occurred_at, fact.id))
    return facts[offset : offset + limit]


def _by_scope(keys: Iterable[SetKey]) -> Mapping[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for key in keys:
        grouped[key.scope] = (*grouped.get(key.scope, ()), key.set_id)
    return grouped
