"""The variant that docs/your_own_gan.md adds."""

import re
import sys
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY

YOUR_OWN_GAN = (REPOSITORY / "docs" / "your_own_gan.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", YOUR_OWN_GAN, re.DOTALL)


@pytest.fixture
def bgan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The variant of docs/your_own_gan.md, as the file that the page says."""
    module = ModuleType("gan_lab.models.bgan")
    exec(blocks("python")[0], vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module
