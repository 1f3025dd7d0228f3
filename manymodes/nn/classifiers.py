"""Classifiers that measure generated examples: trained once for each set of data, then cached."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import keras
from tqdm import tqdm

from manymodes.files import cache_file, save_keras, write_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np


def cached_model(name: str, key: Mapping[str, Any], train: Callable[[], keras.Model]) -> keras.Model:
    """Return the model of this name for what the key describes, from the cache if it was trained before."""
    file = cache_file(name, {**key, "keras": keras.__version__}, ".keras")
    try:
        return keras.models.load_model(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # missing or damaged
        model = train()
    write_cache(file, f"the {name}", lambda partial: save_keras(model, partial))
    return model


def fit_classifier(
    network: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    loss: Any,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    title: str,
) -> None:
    """Train with Adam, whose learning rate falls to 0 along a cosine; a terminal shows the title beside a bar."""
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * -(-len(inputs) // batch_size))
    network.compile(keras.optimizers.Adam(rate), loss)
    with tqdm(desc=title, total=epochs, unit="epoch", leave=False, disable=None) as bar:
        progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
        network.fit(inputs, targets, batch_size=batch_size, epochs=epochs, callbacks=[progress], verbose=0)
