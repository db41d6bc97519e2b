import argparse

import pytest
import torch

from gan_lab.cli.arguments import add_generator, add_truncation
from gan_lab.cli.explore import space
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_generator(parser)
    add_truncation(parser)
    return parser.parse_args(arguments)


def test_the_options_choose_the_space(run: Run) -> None:
    cut = space(parsed(str(run.folder), "--truncation", "0.25", "--device", "cpu"))
    assert float(cut.seeds([0, 1, 2]).abs().max()) <= 0.25
    checkpoint = torch.load(run.checkpoint, weights_only=True)
    raw = {name: value + 1 for name, value in checkpoint["state_dict"].items() if name.startswith("generator.")}
    torch.save(checkpoint | {"state_dict": checkpoint["state_dict"] | raw}, run.checkpoint)
    averaged, plain = (space(parsed(str(run.folder), "--weights", kind)) for kind in ("ema", "raw"))
    assert (averaged.images(averaged.seeds([0])) - plain.images(plain.seeds([0]))).abs().max() > 1e-3
    with pytest.raises(UserError, match=r"it ended before best\.ckpt was first saved"):
        space(parsed(str(run.folder), "--checkpoint", "best"))
