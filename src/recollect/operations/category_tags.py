"""Tags that categories suggest."""

from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import DropRecord, PutRecord
from recollect.domain.memory import RegistryRecord
from recollect.operations.context import Context, commit, operation
from recollect.operations.numbers import numbered
from recollect.operations.projects import Description
from recollect.operations.registry import CATEGORY, CATEGORY_TAG, touched, visible, written
from recollect.operations.request import Label, Request, Result
from recollect.operations.set_types import Number

CategoryName = Annotated[Label, Field(min_length=1)]


class CategoryTagView(Result):
    """A tag that a category suggests."""

    id: str | None
    """null of default categories."""
    name: str
    description: str

    @classmethod
    def of(cls, record: RegistryRecord) -> "CategoryTagView":
        """The view of this tag."""
        return cls.model_validate({**record.content, "id": record.id})


class CreateCategoryTag(Request):
    """Suggest a tag to a category; several may bear one name."""

    category_id: Number
    name: CategoryName
    description: Description


class DeleteCategoryTag(Request):
    """Delete a tag that a category suggests; facts that bear it stay."""

    id: Number


class DeletedCategoryTag(Result):
    """The receipt."""

    id: str


@operation(Right.WRITE)
async def create_category_tag(context: Context, request: CreateCategoryTag) -> CategoryTagView:
    """Suggest a tag to a category. Raises NotFound if there is no such category."""

    async def attempt(number: str, counter: PutRecord) -> CategoryTagView:
        category = await visible(context, CATEGORY, request.category_id)
        content = {"scope": category.content["scope"], **request.model_dump()}
        record = written(context, CATEGORY_TAG, number, content)
        made = (touched(context, category), counter, record)
        return await commit(context, request, CategoryTagView.of(record.record), *made)

    return await numbered(context, CATEGORY_TAG, attempt)


@operation(Right.WRITE)
async def delete_category_tag(context: Context, request: DeleteCategoryTag) -> DeletedCategoryTag:
    """Delete a tag that a category suggests. Raises NotFound."""
    tag = await visible(context, CATEGORY_TAG, request.id)
    drop = DropRecord(type=CATEGORY_TAG, id=tag.id)
    return await commit(context, request, DeletedCategoryTag(id=tag.id), drop)
