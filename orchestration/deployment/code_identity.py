"""Which code made something: the commit of the checkout, and a name of the code that models are made of."""

import hashlib
import shutil
import subprocess
from functools import cache

from orchestration.resources import ROOT


def git_commit() -> str:
    """The commit of the checkout, or `unknown` outside one (a container without git, a source archive)."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


@cache
def code_version() -> str:
    """Names the code that models are made of: equal files give the same 16 hex digits."""
    digest = hashlib.sha256()
    for package in ("feature_definitions", "ml"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
