"""What is told of a condition that has to last before anybody should worry."""

from typing import Literal


class Alarm:
    """Begins when a check was bad several times in a row, ends with the first good one.

    Args:
        patience: bad checks in a row.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.streak = 0
        self.on = False

    def hear(self, bad: bool) -> Literal["begins", "ends"] | None:
        """What a check's outcome changes, if anything."""
        self.streak = self.streak + 1 if bad else 0
        before, self.on = self.on, self.streak >= self.patience
        if before == self.on:
            return None
        return "begins" if self.on else "ends"

    def state_dict(self) -> dict[str, int]:
        """For the checkpoint: a resumed run must not begin to count anew, nor tell again what was told."""
        return {"streak": self.streak, "on": int(self.on)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where the checkpoint stood."""
        self.streak, self.on = state["streak"], bool(state["on"])
