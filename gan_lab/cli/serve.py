"""`gan-lab serve`: a local page that draws from a run."""

import argparse
from typing import Any

from gan_lab.cli.arguments import add_generator, whole_number
from gan_lab.utils.terminal import say

PORTS = 1 << 16


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "serve",
        help="serve a local page that draws from a run",
        description="Serve a page that draws from a run: sliders of the latent, the class, an image dropped to be "
        "translated, results to download. Only browsers of this machine reach it. Ctrl+C ends it.",
    )
    add_generator(parser)
    parser.add_argument(
        "--port", type=port, default=8765, metavar="N", help="of 127.0.0.1; 0 takes any that is free (default: 8765)"
    )
    parser.set_defaults(run=run)


def port(text: str) -> int:
    """Read a number of a port.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    number = whole_number(0)(text)
    if number >= PORTS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {PORTS - 1}, not {text}")
    return number


def run(arguments: argparse.Namespace) -> None:
    """Load the generator, say where the page is, and answer until the user interrupts.

    Raises:
        UserError: the run is missing or has no checkpoint, a package is missing, or the port is taken.
    """
    from gan_lab.runs.run import Run
    from gan_lab.sharing import serve
    from gan_lab.sharing.served import served
    from gan_lab.utils.extras import require

    require("gan-lab serve", "serve", "starlette", "uvicorn")
    opened = serve.listen(arguments.port)
    with opened:
        generator = served(
            Run.open(arguments.run_folder),
            which=arguments.checkpoint,
            ema=arguments.weights == "ema",
            device=arguments.device,
        )
        application = serve.application(generator)
        say(f"http://{serve.HOST}:{opened.getsockname()[1]}/ draws from {generator.name}; Ctrl+C ends it")
        serve.serve(application, opened)
