"""A fitted model as a folder of plain files that knows which class reads it.

Belongs here: writing and reading such a folder ("bundle"). Does not belong here: where bundles are kept
(`ml.registry`), and anything a particular model stores.
"""

import importlib
import json
from pathlib import Path
from typing import Any, Protocol, cast

import pandas as pd

MANIFEST = "bundle.json"
TRUSTED = "ml.models."


class BundleError(ValueError):
    """The folder is not a bundle, or names a class outside this project's models."""


class Servable(Protocol):
    """What every fitted model and every fallback offers."""

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """One prediction per row."""

    def save(self, folder: Path) -> None:
        """Write plain files."""


def write(model: Servable, folder: Path) -> None:
    """Save a model into an empty or new folder, with the name of its class."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    kind = type(model)
    (folder / MANIFEST).write_text(json.dumps({"module": kind.__module__, "name": kind.__qualname__}), encoding="utf-8")


def read(folder: Path) -> Any:  # noqa: ANN401 - the class is named by the bundle; callers know their model
    """Load the model of a bundle by its class's `load(folder)`.

    Raises:
        BundleError: no manifest, or a class that is not one of `ml.models`.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        msg = f"{folder.name} holds no {MANIFEST}; it was not written by this project. Train the model again."
        raise BundleError(msg)
    named = json.loads(manifest.read_text(encoding="utf-8"))
    if not named["module"].startswith(TRUSTED):
        msg = f"{MANIFEST} names {named['module']}.{named['name']}; only classes of {TRUSTED}* are loaded"
        raise BundleError(msg)
    return cast("Any", getattr(importlib.import_module(named["module"]), named["name"])).load(folder)
