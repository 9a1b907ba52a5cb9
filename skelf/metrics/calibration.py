"""How far probabilities can be believed, and the temperature that makes them so.

Papers: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015
(the expected calibration error); Guo et al., "On Calibration of Modern Neural Networks", ICML 2017
(one temperature).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ..errors import InputError

BINS = 15
"""Of equal width in (0, 1], as Guo et al. have it."""
_WIDEST = 9.0  # the temperature lies within exp(-9) and exp(9)


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> float:
    """How far the probability of the likeliest class is off, on average.

    Clips are binned by that probability, in bins of equal width, each with its upper end; in each
    bin the mean probability is compared with the share of right answers. The mean of the
    differences, weighted by clips. Of few clips it is too high, since shares in bins scatter.

    Args:
        probabilities: `(N, K)`; of equal ones the lower class is the answer.
        labels: `(N,)` true classes in `0..K-1`.
        bins: how many.

    Raises:
        InputError: no clips.

    Source: Guo et al. 2017, equation 3.

    Examples:
        >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
        >>> truth = np.array([0, 0, 1, 0])  # all right of those at 0.9, half of those at 0.6
        >>> round(expected_calibration_error(p, truth), 3)
        0.1
    """
    if not len(labels):
        raise InputError("calibration error: there are no clips")
    surest = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(surest * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    off = np.bincount(bin_of, right - surest, minlength=bins)  # count * (share - mean)
    return float(np.abs(off).sum() / count.sum())


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which the true classes of clips are likeliest.

    Beside the clips counts one more, of which any class is as likely: where all answers are right
    no temperature would be low enough otherwise.

    Args:
        logits: `(N, K)` of clips that were not learnt from; -inf: a class that cannot be.
        labels: `(N,)` true classes in `0..K-1`, at least one.

    Returns:
        By what logits are to be divided, within exp(-9) and exp(9).

    Source: Guo et al. 2017, section 4.2. differs: the one clip more.

    Examples:
        >>> logits = np.log(np.array([[0.9, 0.1]] * 9 + [[0.9, 0.1]]))
        >>> truth = np.array([0] * 9 + [1])  # they say what is so
        >>> 0.9 < fitted_temperature(logits, truth) < 1.2
        True
        >>> 1.9 < fitted_temperature(2 * logits, truth) < 2.4
        True
    """
    if not len(labels):
        raise InputError("temperature: there are no clips")
    known = np.isfinite(logits)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        of_any = np.where(known, logs, 0.0).sum(axis=1) / known.sum(axis=1)
        return float(-(logs[rows, labels].sum() + of_any.mean()))

    found = minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded")
    return float(np.exp(found.x))


def threshold(probabilities: np.ndarray, right: np.ndarray, lost: float) -> float:
    """The highest threshold below which at most a share of the right answers lies.

    Args:
        probabilities: `(N,)` of the answers, of clips that were not learnt from.
        right: `(N,)` whether each is right.
        lost: the share, in [0, 1).

    Returns:
        The probability; 0 where no answer is right.

    Examples:
        >>> p = np.array([0.2, 0.5, 0.6, 0.7, 0.8, 0.3])
        >>> right = np.array([True, True, True, True, True, False])
        >>> threshold(p, right, 0.2)  # 1 of 5 right answers lies below
        0.5
        >>> threshold(p, right, 0.0)
        0.2
    """
    kept = np.sort(probabilities[right])
    return float(kept[int(lost * len(kept))]) if len(kept) else 0.0
