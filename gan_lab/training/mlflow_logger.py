"""Logger to MLflow.

Lightning's own opens its store when it is built, which is before anything is checked, and ends the run with every fit.
"""

import logging
import os
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, time
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from gan_lab.utils import images as pictures
from gan_lab.utils.errors import UserError
from gan_lab.utils.extras import require
from gan_lab.utils.locks import held
from gan_lab.utils.loggers import Setup, flat
from gan_lab.utils.types import InputPath

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0  # from a write that failed to the next one
MOST_WAITING = 10_000  # writes; the oldest go first
MOST_AT_ONCE = 100  # parameters that MLflow takes in a call
LONGEST = 500  # characters of a parameter
STATES = {"finished": "FINISHED", "interrupted": "KILLED"}  # others are FAILED
# Unless the environment says otherwise: MLflow tells its makers nothing, and does not try a silent server for minutes.
ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


class MLflow(Logger):
    """Keeps runs in a SQLite file of all runs together, or on the server that the user's environment names.

    The x-axis is images seen, for scalars as for pictures. A resumed run goes on in the same MLflow run.

    Where the store can't be written to while a run trains, training goes on, and what could not be written waits.

    Attributes:
        contacts_server: a run that is resumed has this logger only if the command line says so.
        images_seen: those of the next scalars, if they don't say it themselves.

    Args:
        tracking_uri: of the store; None takes MLFLOW_TRACKING_URI from the environment, or else the folder.
        folder: of the SQLite file and of pictures.
        experiment: at MLflow, a list of runs.
        name: of the run; None takes the name of its folder.

    Raises:
        UserError: MLflow is not installed.
    """

    contacts_server = True

    def __init__(self, *, tracking_uri: str | None, folder: InputPath, experiment: str, name: str | None) -> None:
        super().__init__()
        require("logger=mlflow", "mlflow", "mlflow", "sqlalchemy", "alembic")
        self.tracking_uri = tracking_uri
        self.folder = Path(folder)
        self.experiment = experiment
        self.run_name = name
        self.client: Any = None  # MLflow's, once the run has begun
        self.run_id = ""
        self.images_seen = 0
        self.waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MOST_WAITING)  # calls of the client
        self.retry_at = 0.0

    @property
    def name(self) -> str:
        """The name of its run's id in run.json."""
        return "mlflow"

    @property
    def version(self) -> str:
        """Empty: a run has one of these loggers."""
        return ""

    def begin(self, setup: Setup, run_id: str | None) -> str:
        """Begin a run in the store, or go on with the one of an id; where that is gone, a warning says so.

        Returns:
            Its id.

        Raises:
            UserError: the store can't be opened.
        """
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        address = self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        for library in ("mlflow", "alembic"):  # which tell of every table that they make
            logging.getLogger(library).setLevel(logging.WARNING)
        with refusing(address or str(self.folder)), self._alone(address):
            from mlflow.tracking import MlflowClient

            client = MlflowClient(address or f"sqlite:///{self.folder.absolute()}/mlflow.db")
            before = self._earlier(client, run_id) if run_id is not None else None
            if before is None:
                run = client.create_run(self._experiment_id(client, address), run_name=self.run_name or setup.name)
            else:
                run = before
                client.update_run(run.info.run_id, status="RUNNING")
            self.client, self.run_id = client, str(run.info.run_id)
            self._send_setup(setup, {} if before is None else before.data.params)
        return self.run_id

    def end(self, status: str) -> None:
        """Write what waits, and note in the store how the run has ended."""
        if self.client is None:
            return
        self.retry_at = 0.0
        self._send("set_terminated", status=STATES.get(status, "FAILED"))
        if self.waiting:
            log.warning("MLflow has not got the last %d entries of this run", len(self.waiting))
        self.client = None

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `begin` has written all options."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write scalars, and the batches, over images seen."""
        from mlflow.entities import Metric

        place, now = int(metrics.get("images_seen", self.images_seen)), int(time() * 1000)
        values = metrics | ({} if step is None else {"batches": float(step)})
        self._send("log_batch", metrics=[Metric(name, value, now, place) for name, value in values.items()])

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each; several are numbered."""
        for number, image in enumerate(images):
            name = key if len(images) == 1 else f"{key}_{number}"
            self._send("log_image", image=pictures.pixels(image), key=name, step=self.images_seen)

    @rank_zero_only
    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show the latest text of a name as a tag, and keep each as a file."""
        self._send("set_tag", key=key, value=text)
        self._send("log_text", text=text, artifact_file=f"{key}/batch_{step or 0:09d}.txt")

    def _experiment_id(self, client: Any, address: str | None) -> str:
        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return str(found.experiment_id)
        pictures_in = None if address else (self.folder.absolute() / "artifacts").as_uri()
        return str(client.create_experiment(self.experiment, artifact_location=pictures_in))

    def _earlier(self, client: Any, run_id: str) -> Any | None:
        """The run of an id; None where the store has it no longer."""
        from mlflow.exceptions import MlflowException

        try:
            return client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            log.warning("MLflow has no run %s any more, so this one goes on as a new one", run_id)
            return None

    def _send_setup(self, setup: Setup, before: Mapping[str, str]) -> None:
        """Write hyperparameters; as MLflow lets none be changed, what a resumed run has changed becomes a tag."""
        from mlflow.entities import Param

        named = flat({"choices": setup.choices, **setup.options})
        values = {name: str(value)[:LONGEST] for name, value in named.items()}
        new = [Param(name, value) for name, value in values.items() if name not in before]
        for start in range(0, len(new), MOST_AT_ONCE):
            self.client.log_batch(self.run_id, params=new[start : start + MOST_AT_ONCE])
        for name, value in values.items():
            if before.get(name, value) != value:
                self.client.set_tag(self.run_id, name, value)
        if setup.group is not None:
            self.client.set_tag(self.run_id, "group", setup.group)

    def _send(self, call: str, **arguments: Any) -> None:
        """Write, after what waits; or have it wait until the store can be written to."""
        from mlflow.exceptions import MlflowException

        self.waiting.append((call, arguments))
        if monotonic() < self.retry_at:
            return
        try:
            while self.waiting:
                call, arguments = self.waiting[0]
                getattr(self.client, call)(self.run_id, **arguments)
                self.waiting.popleft()
        except (MlflowException, OSError) as error:
            if getattr(error, "error_code", None) == "INVALID_PARAMETER_VALUE":  # it won't be taken later either
                log.warning("MLflow does not take an entry of %s: %s", self.waiting.popleft()[0], line(error))
                return
            if not self.retry_at:
                log.warning("MLflow can't be written to: %s. Training goes on; what can't be sent waits", line(error))
            self.retry_at = monotonic() + RETRY_SECONDS
        else:
            if self.retry_at:
                log.warning("MLflow can be written to again, and what waited is written")
            self.retry_at = 0.0

    @contextmanager
    def _alone(self, address: str | None) -> Iterator[None]:
        """Make the folder, and hold its lock: two runs of a sweep may both find no tables in a new SQLite file."""
        if address:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with held(self.folder / "mlflow.lock", patience=-1):
            yield


@contextmanager
def refusing(place: str) -> Iterator[None]:
    """Turn what MLflow and its libraries raise of a store into a line.

    Raises:
        UserError: naming the store.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(f"logger=mlflow: {place} can't be used: {line(error)}") from error


def line(error: Exception) -> str:
    """The first line of an error's message, without a full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
