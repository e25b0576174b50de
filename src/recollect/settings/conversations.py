"""How conversations are kept at hand."""

from pydantic import BaseModel, Field

from recollect.settings.fields import FROZEN


class WorkingMemorySettings(BaseModel):
    """The newest messages of a session, and the summary of the others."""

    model_config = FROZEN

    window_tokens: int = Field(default=1000, ge=1, le=1_000_000)
    """What of a session is not summarised yet: its newest messages, in tokens (bytes by four)."""
    summaries: bool = True
    """Whether what is older than that is summarised."""
