"""`python -m gan_lab.training.worker CONFIG FOLDER COMMAND...`: one of several processes that train a run together.

`gan_lab.distributed.launcher` says how workers come about. The command is the one that the user typed, for the run's
record.
"""

import logging
import os
import sys
from pathlib import Path

from gan_lab.utils import parent
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically
from gan_lab.utils.log_file import LogFile
from gan_lab.utils.run_layout import RunLayout
from gan_lab.utils.terminal import VisibleFormatter


def main() -> None:
    """Train as the configuration says; the first process speaks and writes for all."""
    parent.die_with_parent()  # before torch, which takes seconds
    from omegaconf import DictConfig, OmegaConf
    from torch import distributed
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    failures = get_error_handler()  # whose records reach the program that waits
    failures.initialize()
    from gan_lab.config import own_code
    from gan_lab.distributed import launcher
    from gan_lab.runs.run import Run
    from gan_lab.training.build import build_parts
    from gan_lab.training.train import train_here

    world = launcher.detect_launcher()
    rank = world.rank if world else 0
    _, task, place, *sys.argv = sys.argv
    config, folder = OmegaConf.load(task), Path(place)
    assert isinstance(config, DictConfig)
    own_code.trust(config)  # the program that waits has validated it
    announce(Path(task).with_name(f"{rank}.pid"))
    set_up_logging(folder if rank == 0 else None)
    try:
        train_here(build_parts(config, Run(folder)))
        if distributed.is_initialized():  # its threads abort a process, now and then, that ends with them
            distributed.destroy_process_group()
    except UserError as error:
        failures.record_exception(UserError(str(error)))  # of whatever kind, by this name
        sys.exit(1)
    except Exception as error:
        failures.record_exception(error)
        raise


def announce(file: Path) -> None:
    """Write this process's id where the program that waits looks for it, to pass on signals."""
    write_atomically(file, str(os.getpid()))


def set_up_logging(folder: Path | None) -> None:
    """Log like Hydra's own jobs, to the terminal and train.log; without a folder only what has gone wrong."""
    level = logging.WARNING if folder else logging.ERROR
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(level)
    if folder is None:
        logging.basicConfig(level=level)
        return
    form = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"
    handlers: list[logging.Handler] = [
        logging.StreamHandler(sys.stdout),
        LogFile(RunLayout(folder).log_file),
    ]
    for handler in handlers:
        handler.setFormatter(VisibleFormatter(form))
    logging.basicConfig(level=logging.INFO, handlers=handlers)


if __name__ == "__main__":
    main()
