"""Average precision of temporal detection, in the two definitions of the field.

`voc` is PASCAL VOC's (Everingham et al. 2010), carried over to time; `pku` is that of PKU-MMD (Liu
et al. 2017), which looks at fewer points of the curve and gives the lower number of the two.
Published tables mix them, and they are not the same metric. `pku_official` is `pku` with the ties
and the mean of its released script. All are pure functions; the tests compare each with a slow loop
and with the values of the released codes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .matching import Detections, checked
from .ranking import AREAS, COLUMNS, Definition, Over, by_group, ranked


def average_precision_voc(truth: np.ndarray, detections: Detections, tiou: float) -> float:
    """Area under the precision envelope, each segment found at most once.

    Detections are taken by falling score (equal ones in the order given). Each belongs to the
    segment of its recording and class that it overlaps most (of equal ones the first): it is right
    if it does so by `tiou` and that segment was not found before, else false, even where it
    overlaps another segment enough. Precision at a recall is the best at that or a higher one, and
    the area is taken at every recall, not at 11.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; usually of one class.
        detections: of the same recordings, and of the same class where it is one. Mixed classes are
            ranked in one list, and only equal labels match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: a wrong shape, columns of unequal length, a NaN score, or `tiou` out of range.

    Source: VOC devkit 2010 and the released detection script of HiCLR and PCM3 (sources E9), whose
    overlap takes ends as inclusive: one frame is added to the intersection and to each length,
    although ends are exclusive. Differs: float64 instead of float32.

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_voc(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.8333
    """
    return _alone(truth, detections, tiou, "voc")


def average_precision_pku(truth: np.ndarray, detections: Detections, tiou: float) -> float:
    """PKU-MMD's area, with precision as the segments found over the detections made.

    Each detection belongs to the segment of its recording and class that it overlaps most (of equal
    ones the first), if it does so by `tiou`. From all detections the one of lowest score is taken
    away, then the next (equal ones in the order given). Precision is the number of segments found
    over the number of detections left, recall is over the number of segments. Whenever a detection
    that belongs to a segment goes, the recall it costs counts with the best precision met so far;
    precision between those steps is not looked at, and that is why it is mostly lower than VOC's.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings, of any mix of classes; recordings and labels must match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: as for `average_precision_voc`.

    Source: the evaluation of PKU-MMD (Liu et al. 2017), as the released scripts compute it
    (sources E10). Differs: there the last of equal overlaps counts (sources E14), see
    `average_precisions`.

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_pku(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.6667
    """
    return _alone(truth, detections, tiou, "pku")


def average_precisions(
    truth: np.ndarray,
    detections: Detections,
    tiou: float,
    *,
    definition: Definition,
    over: Over,
    groups: int | None = None,
) -> dict[int, float]:
    """Average precision of each class or of each recording.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings.
        tiou: smallest overlap in time, in (0, 1].
        definition: `voc`, `pku` or `pku_official`. The last differs from `pku` as the released
            script does: of segments that a detection overlaps alike it belongs to the last, and a
            class or a recording without truth has 0. (The released script for `voc` takes the first
            and leaves classes without truth out, as here.)
        over: `action`: each class, the detections of all recordings in one list; `video`: each
            recording, the detections of all classes in one list.
        groups: how many classes or recordings there are; for `pku_official`, which needs it.

    Returns:
        Class or recording to value, rising; only those that the truth holds. What is found of a
        class that the truth has nowhere, or in a recording without any segment, does not count: no
        average precision is defined there. With `pku_official` all of `0..groups - 1`, and 0 there.

    Raises:
        InputError: as for `average_precision_voc`, an unknown name, or `groups` without need,
            missing or too small.
    """
    if definition not in AREAS:
        raise InputError(f"definition: {definition!r} is none of {', '.join(AREAS)}")
    if over not in COLUMNS:
        raise InputError(f"over: {over!r} is none of {', '.join(COLUMNS)}")
    truth, detections = checked(truth, detections, tiou)
    everyone = _everyone(truth, definition, over, groups)
    lists = by_group(ranked(truth, detections, definition, tiou), over)
    values = {group: AREAS[definition](ranking, tiou) for group, ranking in lists.items()}
    return dict.fromkeys(everyone, 0.0) | values


def mean_ap(
    truth: np.ndarray,
    detections: Detections,
    tiou: float,
    *,
    definition: Definition,
    over: Over,
    groups: int | None = None,
) -> float:
    """Mean average precision over classes (mAP_a) or over recordings (mAP_v).

    The mean is over the classes or recordings that the truth holds; the released mean of PKU-MMD's
    definition, `pku_official`, counts the others with 0.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        detections: of the same recordings.
        tiou: smallest overlap in time, in (0, 1].
        definition: `voc`, `pku` or `pku_official`. PCM3 reports mAP_a by `voc` and mAP_v by
            `pku_official`; USDRL's own detection code uses `pku_official` for both.
        over: `action` for mAP_a, `video` for mAP_v; see `average_precisions` for what is left out.
        groups: as of `average_precisions`.

    Returns:
        Value in [0, 1].

    Raises:
        InputError: as for `average_precisions`, or no truth at all.

    Examples:
        >>> import numpy as np
        >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 1]])
        >>> columns = [[0, 0], [11, 40], [29, 48], [0, 1], [0.9, 0.8]]  # the second is off its mark
        >>> found = Detections(*map(np.array, columns))
        >>> mean_ap(truth, found, 0.5, definition="voc", over="action")
        0.5
        >>> mean_ap(truth, found, 0.5, definition="pku_official", over="action", groups=4)
        0.25
    """
    values = average_precisions(
        truth, detections, tiou, definition=definition, over=over, groups=groups
    )
    _refuse_nothing(truth)
    return float(np.mean(list(values.values())))


def mean_aps(
    truth: np.ndarray,
    detections: Detections,
    tious: Sequence[float],
    *,
    classes: int | None = None,
    recordings: int | None = None,
) -> dict[tuple[Over, Definition], list[float]]:
    """All that `mean_ap` gives, at several overlaps; detections are matched once for all of them.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        detections: of the same recordings.
        tious: smallest overlaps in time, each in (0, 1], at least one.
        classes: how many there are. With it and `recordings` there is `pku_official` too.
        recordings: how many there are.

    Returns:
        For each `over` and `definition` one value for each overlap.

    Raises:
        InputError: as for `mean_ap`.
    """
    for tiou in tious:
        truth, detections = checked(truth, detections, tiou)
    _refuse_nothing(truth)
    numbers: dict[Over, int | None] = {"action": classes, "video": recordings}
    values: dict[tuple[Over, Definition], list[float]] = {}
    for definition, area in AREAS.items():
        official = definition == "pku_official"
        if official and None in numbers.values():
            continue
        ranking = ranked(truth, detections, definition, min(tious))
        for over, number in numbers.items():
            lists = by_group(ranking, over).values()
            total = len(_everyone(truth, definition, over, number if official else None))
            values[over, definition] = [
                float(np.sum([area(one, tiou) for one in lists]) / (total or len(lists)))
                for tiou in tious
            ]
    return values


def _alone(truth: np.ndarray, detections: Detections, tiou: float, definition: Definition) -> float:
    """The average precision of all detections in one list."""
    truth, detections = checked(truth, detections, tiou)
    ranking = ranked(truth, detections, definition, tiou)
    everything = ranking.list(np.arange(len(detections.score)), len(truth))
    return AREAS[definition](everything, tiou) if len(truth) else 0.0


def _everyone(truth: np.ndarray, definition: Definition, over: Over, groups: int | None) -> range:
    """All classes or recordings that have a value whether the truth holds them or not."""
    if definition != "pku_official":
        if groups is not None:
            raise InputError(f"groups: {definition} has no use for it; it is for pku_official")
        return range(0)
    least = int(truth[:, COLUMNS[over]].max(initial=-1)) + 1
    if groups is None or groups < max(least, 1):
        raise InputError(
            f"groups: {groups}; pku_official needs the number of all "
            f"{'classes' if over == 'action' else 'recordings'}, here at least {max(least, 1)}"
        )
    return range(groups)


def _refuse_nothing(truth: np.ndarray) -> None:
    if not len(truth):
        raise InputError("truth: no segments, so that no average precision is defined")
