"""Packages that are not part of every installation."""

from importlib.util import find_spec

from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import install


def missing(chosen: str, extra: str) -> str:
    """A message: a choice needs what an extra of this package brings."""
    return f"{chosen}: needs a package that is not installed: {install(extra)}"


def require(chosen: str, extra: str, *modules: str) -> None:
    """Refuse a choice whose modules are not installed; none of them is imported.

    Args:
        chosen: the choice as one types it.
        extra: of this package, which brings the modules.
        modules: top-level names.

    Raises:
        UserError: one is missing; a folder of that name, without code, is no module.
    """
    for module in modules:
        found = find_spec(module)
        if found is None or found.origin is None:
            raise UserError(missing(chosen, extra))
