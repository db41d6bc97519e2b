"""A run in Python: sample from it, score it, look at it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image
from torch import Tensor

from gan_lab.api import checks
from gan_lab.api.errors import one_line_errors
from gan_lab.api.explore import Explorable
from gan_lab.api.objects import Network, Objects
from gan_lab.api.untouched import untouched
from gan_lab.cli.outputs import put, put_folder, refuse_existing
from gan_lab.config.handed_over import handing_over
from gan_lab.evaluation import depths, sampling
from gan_lab.evaluation.evaluate import evaluate_run
from gan_lab.evaluation.options import Options
from gan_lab.losses import Objective
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs import hub
from gan_lab.runs.run import Run as RunFolder
from gan_lab.runs.run import Which
from gan_lab.sharing import export
from gan_lab.sharing.report import report
from gan_lab.training.summary import summary
from gan_lab.utils import images
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular, refuse_ways_out
from gan_lab.utils.terminal import say

if TYPE_CHECKING:
    from pandas import DataFrame

Weights = Literal["ema", "raw"]


class Run(Explorable):
    """A trained run, or one that has been stopped. `gan_lab.train` and `gan_lab.load` return it.

    Args:
        folder: of the run.
        objects: that it was trained with.
    """

    def __init__(self, folder: str | Path, objects: Objects | None = None) -> None:
        self.folder = Path(folder).absolute()  # the current folder may change
        self._objects = objects or Objects()

    def __repr__(self) -> str:
        record = self.record
        return f"Run({str(self.folder)!r}, {record['status']}, {record.get('images_seen', 0):,} images)"

    @property
    def record(self) -> dict[str, Any]:
        """The content of run.json: status, progress, scores, alarms, versions."""
        with one_line_errors():
            return RunFolder(self.folder).record()

    @property
    def status(self) -> str:
        """One of "running", "finished", "interrupted", "stopped", "failed" or "died"."""
        with one_line_errors():
            return RunFolder(self.folder).state()

    @property
    def scores(self) -> dict[str, float]:
        """The scores at the end of the training by name; empty where there are none."""
        return dict((self.record.get("scores") or {}).get("values", {}))

    def sample(
        self,
        count: int = 64,
        *,
        label: int | str | None = None,
        seed: int = 0,
        checkpoint: Which = "last",
        weights: Weights = "ema",
        truncation: float | None = None,
        device: str = "auto",
    ) -> Tensor:
        """Generate images, the same for the same arguments; the seed and an index decide an image.

        Args:
            count: number of images.
            label: of all images of a conditional model, a number or the name of a class; by default the classes take
                turns.
            seed: of the latents.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            truncation: images that are better and more alike: of StyleGAN2 the share of the distance from the mean
                style, from 0 to 1; else the largest value of a latent, where the normal distribution is cut off.
            device: by its name in torch; "auto" is the best there is.

        Returns:
            Images (count, channels, height, width) on the CPU, uint8 or of the type of `data.depth`.
            `gan_lab.train(data=...)` takes those of uint8 as well.

        Raises:
            UserError: there is no checkpoint or no such class, or the model doesn't generate from noise.
        """
        checks.whole("count", count, 1)
        checks.whole("seed", seed, 0)
        with self._opened() as run:
            drawing = sampling.prepare(
                run,
                which=checks.which(checkpoint),
                count=count,
                of_class=None if label is None else str(label),
                seed=seed,
                ema=checks.is_ema(weights),
                truncation=truncation,
                device=device,
            )
            return drawing.depth.to_codes(drawing.whole())

    def grid(self, count: int = 64, **options: Any) -> Image.Image:
        """A picture of generated images, as many a row as a column has; options as of `sample`."""
        drawn = self.sample(count, **options)
        columns = max(1, round(count**0.5))
        with self._opened() as run:
            depth, display = depths.of_run(run), depths.display(run)
        return picture(images.grid(depth.to_float(drawn), columns, display))

    def evaluate(
        self,
        count: int | None = None,
        *,
        split: Literal["test", "validation", "train"] | None = None,
        extractor: str = "auto",
        seed: int = 0,
        checkpoint: Which = "last",
        weights: Weights = "ema",
        device: str = "auto",
    ) -> dict[str, float]:
        """Score generated images against those of the dataset, and keep the scores in the run's folder.

        Args:
            count: number of generated images; 10,000 by default.
            split: of the real images; "test" by default, or "validation" where the run has one.
            extractor: of features: "auto", "classifier", "inception", or "package.module:Class" of your own.
            seed: of the latents.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            device: for images and features, by its name in torch; "auto" is the best there is.

        Returns:
            Scores by name, such as "fid". Only scores of one protocol can be compared; the file has it.

        Raises:
            UserError: there is no checkpoint, no dataset or no extractor, or there are too few images.
        """
        if count is not None:
            checks.whole("count", count, 1)
        checks.whole("seed", seed, 0)
        with self._opened() as run:
            refuse_ways_out(run.folder)
            evaluation = evaluate_run(
                run,
                Options(extractor=extractor, count=count, split=split, seed=seed, device=device),
                which=checks.which(checkpoint),
                ema=checks.is_ema(weights),
                gan_train_test=False,
            )
            best = "" if checkpoint == "last" else f"_{checkpoint}"
            file = run.evaluations / f"{evaluation.record.protocol.id}{best}.json"
            put("scores", file, json.dumps(evaluation.record.to_dict(), indent=2) + "\n")
            return dict(evaluation.record.values)

    def export(
        self,
        out: str | Path,
        *,
        format: Literal["onnx", "torch", "safetensors"],
        checkpoint: Which = "last",
        weights: Weights = "ema",
        direction: str | None = None,
        licence: str | None = None,
        force: bool = False,
    ) -> Path:
        """Write the generator to a folder, with a picture and a model card that says how to load it.

        Args:
            out: the folder.
            format: "onnx" and "torch" are programs that take latents (and labels) or images, and give uint8 images;
                "safetensors" are weights that `gan_lab.load` takes.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            direction: of a model that translates, "a2b" by default.
            licence: of the weights, for the card.
            force: replace the folder if an exported run lies there.

        Returns:
            The folder.

        Raises:
            UserError: there is no checkpoint, a package is missing, or the folder exists or can't be written.
        """
        checks.a_place("out", out)
        with self._opened() as run:
            export.refuse_others(Path(out), force)
            wanted = export.Wanted(
                form=checks.one_of("format", format, ("onnx", "torch", "safetensors")),
                which=checks.which(checkpoint),
                ema=checks.is_ema(weights),
                direction=direction,
                licence=licence,
            )
            put_folder("--out", Path(out), export.exported(run, wanted))
        return Path(out)

    def publish(
        self,
        to: str,
        *,
        checkpoint: Which = "last",
        direction: str | None = None,
        licence: str | None = None,
        private: bool = False,
        force: bool = False,
    ) -> str:
        """Send the model to the Hugging Face hub, from where `gan_lab.load("hf://user/name")` takes it.

        Args:
            to: "hf://user/name".
            checkpoint: "last" or "best".
            direction: of a model that translates, that the card tells of.
            licence: of the weights, for the card.
            private: show a new repository to its owner only.
            force: add to a repository that holds something else.

        Returns:
            The address of its page.

        Raises:
            UserError: the package huggingface_hub is missing, nobody is logged in, or the hub can't be reached.
        """
        with self._opened() as run:
            hub.parsed(to)
            hub.client(f"--to {to}")
            which = checks.which(checkpoint)
            wanted = export.Wanted(form="safetensors", which=which, direction=direction, licence=licence)
            return hub.upload(to, export.published(run, wanted, to), private=private, force=force)

    def report(self, out: str | Path = "report.html", *others: "Run", force: bool = False) -> Path:
        """Write a page of HTML about this run, and others beside it: setup, curves, grids, scores, alarms.

        Args:
            out: the file.
            others: runs to show beside it.
            force: replace the file if it exists.

        Returns:
            The file.

        Raises:
            UserError: a run can't be read, or the file exists or can't be written.
        """
        checks.a_place("out", out)
        with one_line_errors(), untouched(sys.argv):
            refuse_existing("--out", Path(out), force)
            put("--out", Path(out), report([RunFolder.open(run.folder) for run in (self, *others)]))
        return Path(out)

    def metrics(self) -> "DataFrame":
        """The table of numbers over the training: a row for each logging point, with `step` and `images_seen`.

        Raises:
            UserError: there is none yet, or pandas is not installed.
        """
        try:
            import pandas  # takes half a second, and only this needs it
        except ImportError as error:
            raise UserError("metrics(): needs pandas: pip install pandas") from error
        file = RunFolder(self.folder).metrics_file
        if not file.is_file():
            raise UserError(
                f"{self.folder} has no {file.name}: nothing has been logged yet, or logger.csv was left out"
            )
        with one_line_errors(), open_regular(file) as opened:
            return pandas.read_csv(opened)

    def model(self, checkpoint: Which = "last") -> AdversarialModule:
        """The trained model on the CPU in evaluation mode; its `generator` is a torch module.

        Raises:
            UserError: there is no checkpoint.
        """
        with self._opened() as run:
            return run.load_model(checks.which(checkpoint))

    def show(self) -> Image.Image | None:
        """Show the latest grid of samples and what was reached: in a notebook, or else printed.

        Returns:
            The picture where there is no notebook to show it.

        Raises:
            UserError: no grid has been drawn yet.
        """
        run = RunFolder(self.folder)
        grids = sorted(run.samples.glob("*.png"))
        if not grids:
            raise UserError(
                f"{self.folder} has no grid of samples: none was drawn yet, or callbacks.samples was left out"
            )
        with one_line_errors(), open_regular(grids[-1]) as opened:
            shown = Image.open(opened).copy()
            say(summary(run))
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is None:
            return shown
        from IPython.display import display

        display(shown)
        return None

    @contextmanager
    def _opened(self) -> Iterator[RunFolder]:
        """The folder, while nothing global changes and errors are one line."""
        with one_line_errors(), untouched(sys.argv):
            run = RunFolder.open(self.folder)
            with handing_over(self._objects.handed_over(run.config())):
                yield run


def load(
    folder: str | Path,
    *,
    data: Any = None,
    labels: Any = None,
    networks: tuple[Network, Network] | None = None,
    model: type[AdversarialModule] | None = None,
    loss: Objective | type[Objective] | None = None,
) -> Run:
    """Open a run's folder, finished or not, one's own or another's: it runs no code of the folder's.

    Args:
        folder: of the run; or its name, or "latest". Or a model that someone has given away: the folder of one that was
            exported as safetensors, or "hf://user/name" at the Hugging Face hub.
        data: the images that it was trained on, where those were an object, for `evaluate`.
        labels: of the images of a tensor.
        networks: the classes or objects that it was trained with, where the networks were objects; weights come from
            the checkpoint.
        model: its class, where that was an object.
        loss: its objective, where that was an object.

    Raises:
        UserError: there is no run, or it needs objects that are not given; the line names the argument.
    """
    checks.a_place("folder", folder)
    with one_line_errors(), untouched(sys.argv):
        run = RunFolder.open(folder)
        objects = Objects(data=data, labels=labels, networks=networks, model=model, loss=loss)
        objects.handed_over(run.config())
        return Run(run.folder, objects)


def picture(pixels: Tensor) -> Image.Image:
    """A picture of uint8 pixels (3, height, width)."""
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
