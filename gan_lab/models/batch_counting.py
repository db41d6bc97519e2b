"""Steps mean batches.

Lightning counts every optimizer step, so with two players `max_steps=1000` would end after 500 batches
(Lightning issue 17958). This loop counts each batch once, whatever the players do in it; `global_step`,
`max_steps`, the loggers' x-axis, file names and resume all follow.
"""

from collections import OrderedDict
from typing import Any

from lightning.pytorch.loops.optimization.manual import _ManualOptimization


class BatchCountingLoop(_ManualOptimization):
    """Manual optimization in which a batch is one step."""

    def on_run_start(self) -> None:
        """Leave the optimizers' steps uncounted: the parent hooks its counter into them here."""

    def on_run_end(self) -> dict[str, Any]:
        """Hand over the step's output; there is nothing to unhook."""
        output, self._output = self._output, {}
        return output

    def run(self, kwargs: OrderedDict[str, Any]) -> dict[str, Any]:
        """Train on one batch and count it."""
        self.optim_step_progress.increment_ready()
        output = super().run(kwargs)
        self.optim_step_progress.increment_completed()
        return output
