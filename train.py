"""Train a GAN: `python train.py --help` says how."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gan_lab.cli.hydra_callback import take_parts
from gan_lab.config.command_line import readable_errors, refuse_dotted_groups, with_quotes
from gan_lab.sweeps.jobs import run_job
from gan_lab.utils.errors import UserError, fail

CONF = Path(__file__).parent / "conf"


def main() -> None:
    """Train as the command line says."""
    refuse_dotted_groups(sys.argv[1:], CONF)
    sys.argv[1:] = with_quotes(sys.argv[1:])
    run()


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def run(config: DictConfig) -> float | None:
    """Train as the command line says; a sweeper minimises what this returns."""
    job = HydraConfig.get()
    if job.mode == RunMode.MULTIRUN:
        return run_job(config)

    from gan_lab.training.train import train_parts  # torch and lightning only when there is something to do
    from gan_lab.training.validate import validate

    try:
        parts = take_parts() or validate(config, job.runtime.output_dir)
        return train_parts(parts, debug=bool(job.runtime.choices.get("debug")))
    except UserError as error:
        fail(str(error))  # before Hydra adds a line of its own


if __name__ == "__main__":
    with readable_errors():
        main()
