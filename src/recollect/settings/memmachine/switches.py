"""What of MemMachine's face is offered."""

import os
from typing import Any, cast

from pydantic import BaseModel, model_validator

from recollect.settings.fields import FROZEN


class MemMachineSettings(BaseModel):
    """The face that programs written for MemMachine use."""

    model_config = FROZEN

    config_api: bool = False
    """Whether `/api/v2/config` is offered; `MEMMACHINE_CONFIG_API` is read when unset."""

    @model_validator(mode="before")
    @classmethod
    def _or_memmachines_own(cls, given: Any) -> Any:
        # Servers that move here from MemMachine have it in their deployment.
        if isinstance(given, dict) and os.environ.get("MEMMACHINE_CONFIG_API"):
            return {"config_api": True} | cast("dict[str, Any]", given)
        return cast("Any", given)
