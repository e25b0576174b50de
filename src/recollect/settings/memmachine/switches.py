"""What of MemMachine's face is offered."""

import os
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from recollect.settings.fields import FROZEN


def _or_from(variable: str) -> BeforeValidator:
    """What MemMachine's own variable says, where ours is unset."""
    return BeforeValidator(lambda given: given or os.environ.get(variable, ""))


class MemMachineSettings(BaseModel):
    """The face that programs written for MemMachine use."""

    model_config = FROZEN

    config_api: bool = False
    """Whether `/api/v2/config` is offered; `MEMMACHINE_CONFIG_API` is read when unset."""

    org_id: Annotated[str, _or_from("MM_ORG_ID"), Field(validate_default=True)] = ""
    """The organisation of calls to the MCP tools without a header; `MM_ORG_ID` when unset."""
    proj_id: Annotated[str, _or_from("MM_PROJ_ID"), Field(validate_default=True)] = ""
    """The project of calls to the MCP tools without a header; `MM_PROJ_ID` when unset."""
    user_id: Annotated[str, _or_from("MM_USER_ID"), Field(validate_default=True)] = ""
    """The user of calls to the MCP tools without a header; `MM_USER_ID` when unset."""

    @model_validator(mode="before")
    @classmethod
    def _or_memmachines_own(cls, given: Any) -> Any:
        # Servers that move here from MemMachine have it in their deployment.
        if isinstance(given, dict) and os.environ.get("MEMMACHINE_CONFIG_API"):
            return {"config_api": True} | cast("dict[str, Any]", given)
        return cast("Any", given)
