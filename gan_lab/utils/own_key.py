"""A key of this user. Names in a cache follow from it, so that what a stranger has put there isn't found."""

import logging
import os
import secrets
from pathlib import Path

from gan_lab.utils.files import read_regular, unfinished
from gan_lab.utils.locks import held

log = logging.getLogger(__name__)

BYTES = 32
# For messages about a run that counts as a stranger's.
KEEP = "Your own runs are known by ~/.cache/gan_lab/key: keep it, or have XDG_CACHE_HOME name a folder that stays"


def folder() -> Path:
    """This user's folder for what the program caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gan_lab"


def own_key() -> bytes:
    """Read the key, which is made on first use; empty, with a warning, where this user can't keep one."""
    file = folder() / "key"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with held(file.with_name(".lock"), patience=-1), unfinished(file.parent) as place:
                if not file.exists():  # else another process was first
                    new = place / file.name
                    new.touch(mode=0o600)
                    new.write_bytes(secrets.token_bytes(BYTES))
                    new.rename(file)
        return read_regular(file, BYTES)
    except (OSError, RuntimeError) as error:  # of a file, and of a user without a home
        log.warning("%s can't be kept (%s), so files in caches are believed whoever has made them", file, error)
        return b""
