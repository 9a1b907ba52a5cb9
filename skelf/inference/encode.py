"""Clips to features as a step of a scikit-learn pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from ..data.clips import ClipSet
from ..machine.devices import choose_device
from ..protocols.features import extract
from ..runs.load import load


class Encode(TransformerMixin, BaseEstimator):
    """Features of clips by a frozen encoder: `make_pipeline(Encode(run), FewLabelClassifier())`.

    Args:
        run: a run, a checkpoint folder or a hub name.
        device: auto, cpu or cuda.
        batch_size: clips a forward pass.

    Examples:
        >>> import skelf
        >>> from sklearn.pipeline import make_pipeline
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.inference.estimator import FewLabelClassifier
        >>> clips = generate(clips=48)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, out="encodes", overrides=tiny)
        >>> pipeline = make_pipeline(Encode(run), FewLabelClassifier(folds=2))
        >>> pipeline.fit(clips, clips.label).predict_proba(clips).shape
        (48, 12)
    """

    def __init__(self, run: str | Path, device: str = "auto", batch_size: int = 256) -> None:
        self.run, self.device, self.batch_size = run, device, batch_size

    def fit(self, X: ClipSet, y: object = None) -> Encode:
        """Learns nothing: the encoder is trained already."""
        return self

    def transform(self, X: ClipSet) -> np.ndarray:
        """Features `(N, D)` of `N` clips.

        Raises:
            InputError: a run that cannot be read, or clips that it does not take.
        """
        encoder, device = load(self.run), choose_device(self.device, "device")
        return extract(encoder, X, device=device, batch_size=self.batch_size).numpy()

    def __sklearn_is_fitted__(self) -> bool:
        return True
