"""Start and watch a run's workers on this machine: `python -m gan_lab.distributed.agent COUNT PLACE FOLDER COMMAND`.

torch's elastic agent does the work: it finds a free port, tells each worker who it is, and when one fails ends the
others and knows which was first. The first failure goes to PLACE/report.json.
"""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_lab.utils import parent
from gan_lab.utils.signals import ASKING_TO_STOP, END_ALL

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure


def main() -> None:
    """Start, wait, report."""
    parent.die_with_parent()  # before torch, which takes seconds
    os.environ |= parent.as_parent()  # of the workers
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    _, count, directory, *task = sys.argv
    place = Path(directory)
    for number in ASKING_TO_STOP:
        signal.signal(number, lambda *_: None)  # a batch system tells every process; the workers decide
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # which needs forty lines for a failure
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=int(count),
        max_restarts=0,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        run_id=place.name,
        logs_specs=DefaultLogsSpecs(log_dir=str(place / "logs")),
        signals_to_handle=END_ALL.name,  # from the program that waits: end them all
    )
    try:
        elastic_launch(config, sys.executable)("-m", "gan_lab.training.worker", str(place / "config.yaml"), *task)
    except ChildFailedError as error:
        (place / "report.json").write_text(json.dumps(first_failure(error)), encoding="utf-8")
        sys.exit(1)
    except SignalException as error:
        sys.exit(128 + error.sigval)


def first_failure(error: "ChildFailedError") -> dict[str, object]:
    """The failure that ended the run: the others lost touch with the worker that failed, or were ended."""
    rank, failure = min(error.failures.items(), key=lambda item: (has_lost_touch(text_of(item[1])), item[1].timestamp))
    text = text_of(failure)
    kind, _, message = text.partition(": ")
    return {
        "message": message if kind == "UserError" else f"process {rank}: {text}",
        "user_error": kind == "UserError",
        "exit_code": failure.exitcode,
    }


def text_of(failure: "ProcessFailure") -> str:
    """The exception, its name first; or the signal that ended the worker."""
    message: Any = failure.message
    return str(message["message"] if isinstance(message, dict) else message)


def has_lost_touch(text: str) -> bool:
    """Recognise what a process sees of another one's failure."""
    return any(word in text for word in ("gloo", "NCCL", "nccl", "Connection", "SIGTERM", "DistNetworkError"))


if __name__ == "__main__":
    main()
