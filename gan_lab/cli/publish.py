"""`gan-lab publish`: a run's model at the Hugging Face hub."""

import argparse
from typing import Any

from gan_lab.cli.arguments import add_command, add_run, add_state
from gan_lab.cli.export import add_direction, add_licence
from gan_lab.utils.terminal import say

DESCRIPTION = """Send a run's model to the Hugging Face hub: a model card, the weights of all players in
safetensors, a configuration in JSON and a picture, and nothing that could run. Log in
before, with `hf auth login`. Others then give its address in place of a RUN:
gan-lab sample hf://user/name, or begin with it: gan-lab train init_from=hf://user/name."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "publish",
        run,
        help="send a run's model to the Hugging Face hub",
        description=DESCRIPTION,
    )
    add_run(parser)
    parser.add_argument("--to", required=True, metavar="hf://USER/NAME", help="repository, which is made if need be")
    add_state(parser)
    add_direction(parser)
    add_licence(parser)
    parser.add_argument("--private", action="store_true", help="show a new repository to its owner only")
    parser.add_argument("--force", action="store_true", help="add to a repository that holds something else")


def run(arguments: argparse.Namespace) -> None:
    """Make the files and send them.

    Raises:
        UserError: the run can't be published, the client is missing, nobody is logged in, or the hub can't be reached.
    """
    from gan_lab.runs import hub
    from gan_lab.runs.run import Run
    from gan_lab.sharing.export import Wanted, published

    hub.parsed(arguments.to)
    hub.client(f"--to {arguments.to}")  # before any work is done
    wanted = Wanted(
        form="safetensors", which=arguments.checkpoint, direction=arguments.direction, licence=arguments.licence
    )
    files = published(Run.open(arguments.run_folder), wanted, arguments.to)
    page = hub.upload(arguments.to, files, private=arguments.private, force=arguments.force)
    say(f"{', '.join(sorted(files))}: {page}")
