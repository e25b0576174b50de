"""What the routes of every HTTP application of one server share."""

from starlette.datastructures import State

from recollect.api.metrics import Metrics
from recollect.operations.context import Context


class Shared(State):
    """What routes reach by `request.app.state`.

    Attributes:
        context: What operations are given; the guard puts the caller in.
        metrics: The counters.
        starting: What the server still waits for; None once it has started.
    """

    context: Context
    metrics: Metrics
    starting: str | None

    def __init__(self, context: Context) -> None:
        starting = "the server is starting"
        super().__init__({"context": context, "metrics": Metrics(), "starting": starting})
