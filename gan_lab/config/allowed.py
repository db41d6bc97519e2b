"""The classes that a configuration may name.

A configuration may come from a stranger's run folder, so it may name the classes below and those of trusted packages,
and what the name resolves to decides, not its spelling.
"""

from importlib import import_module

from gan_lab.config import handed_over
from gan_lab.config.own_code import NEVER_TRUSTED_WHOLE, TRUSTED
from gan_lab.config.renamed import new_name_of
from gan_lab.utils.errors import UserError
from gan_lab.utils.own_key import KEEP

# Of libraries, what trains and watches: nothing that takes functions, saves files under any name or talks to a server;
# nor LBFGS and SparseAdam, which need other steps than ours.
ALLOWED_CLASSES = {
    "torch.optim": (
        "ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax Muon NAdam RAdam RMSprop Rprop SGD"  # what networks learn by
    ),
    "lightning.pytorch.callbacks": (
        "DeviceStatsMonitor LearningRateMonitor ModelSummary RichModelSummary RichProgressBar TQDMProgressBar Timer"
    ),
    "lightning.pytorch.loggers": "CSVLogger TensorBoardLogger",
    "lightning.pytorch.profilers": "AdvancedProfiler PassThroughProfiler PyTorchProfiler SimpleProfiler",
}
# Of those that are not allowed, what there is instead.
INSTEAD = {
    "lightning.pytorch.callbacks.EarlyStopping": (
        "looks at the end of an epoch, when there may be no new score; choose callbacks=early_stopping"
    )
}


def resolve(target: object, path: str) -> type:
    """The class that a `_target_` names.

    Raises:
        UserError: there is none, or it is not one that a configuration may instantiate.
    """
    name = str(target)
    if handed := handed_over.find(name):
        return handed.kind
    if handed_over.is_absent(name):
        raise UserError(handed_over.missing(name))
    if renamed := new_name_of(name):
        raise UserError(f"{path}: {renamed}")
    target_class = _find(name, path) if _is_allowed(name) else None
    if not isinstance(target_class, type) or not _is_allowed_class(target_class):
        if name in INSTEAD:
            raise UserError(f"{path}={name}: {INSTEAD[name]}")
        package = name.rpartition(".")[0]
        top = name.partition(".")[0]
        if top in TRUSTED - {"gan_lab"}:
            raise UserError(f"{path}={name}: no such class; is {top} installed (pip install -e .), and the name right?")
        allowed = f"the classes in {', '.join(sorted(TRUSTED))}, and some in {', '.join(ALLOWED_CLASSES)}"
        if package in ALLOWED_CLASSES:
            allowed = f"in {package}: {', '.join(ALLOWED_CLASSES[package].split())}"
        elif top not in NEVER_TRUSTED_WHOLE:
            allowed += f"; if the package is your own, GAN_LAB_ALLOW={top} in the environment allows it. {KEEP}"
        raise UserError(f"{path}={name}: not a class that a configuration may instantiate. Allowed: {allowed}")
    return target_class


def _find(name: str, path: str) -> object:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(module), attribute, None) if module else None
    except ImportError as error:
        if not name.startswith(f"{error.name}."):
            raise UserError(f"{path}: {name} needs a package that is not installed: {error}") from error
        return None


def _is_allowed(name: str) -> bool:
    """Tell if a name may be looked up at all."""
    package, _, attribute = name.rpartition(".")
    return any(is_inside(name, own) for own in TRUSTED) or (attribute in ALLOWED_CLASSES.get(package, "").split())


def _is_allowed_class(candidate: type) -> bool:
    """Tell if a class that a name led to, perhaps by way of a module that imports it, is one of those above."""
    if any(is_inside(candidate.__module__, own) for own in TRUSTED):
        return True
    return any(
        getattr(import_module(package), candidate.__name__, None) is candidate
        for package, names in ALLOWED_CLASSES.items()
        if candidate.__name__ in names.split()
    )


def is_inside(name: str, package: str) -> bool:
    """Tell if a dotted name is a package's or lies in it."""
    return name == package or name.startswith(f"{package}.")
