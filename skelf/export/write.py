"""`export_onnx`: a model folder or a run as one ONNX file, checked before it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..files import replacing
from ..inference.adapt import adapted
from ..inference.source import read_data
from ..machine.guest import no_trace
from ..outputs import ONNX, check_output
from . import check
from .check_steps import compare_steps
from .described import describe
from .graphs import Answers, ClipGraph, FrameGraph
from .options import Export
from .stepping import StepGraph, first_states, frames_of, stepped
from .subject import Subject, read_subject, refuse
from .tracing import BATCH, FRAMES, Slot, hint, to_onnx

Say = Callable[[str], None]


class Exported(NamedTuple):
    """A file that was written.

    Args:
        path: the file.
        checked: how far it is from torch.
        size: bytes.
        rows: what it gives a row for: clip, frame or step.
    """

    path: Path
    checked: check.Checked
    size: int
    rows: str


@no_trace()
def export_onnx(
    model: str | Path,
    out: str | Path,
    how: Export = Export(),
    *,
    data: str | Path | ClipSet | None = None,
    stream: str | None = None,
    overwrite: bool = False,
    say: Say = lambda line: None,
) -> Exported:
    """Writes a trained model as one ONNX file that takes raw joints.

    Inputs, outputs and what the file says of itself: `docs/export.md`. The file is compared with
    torch in onnxruntime before it appears, on other batches and lengths than it was traced with.

    Args:
        model: a model folder, a run, a checkpoint folder or a hub name.
        out: the file, `.onnx`.
        how: which graph.
        data: real recordings that it is compared on as well.
        stream: of a run that trained several together, see `skelf.load`.
        overwrite: replace an exported file that is there.
        say: told what was done to `data`, line by line.

    Returns:
        The file and its largest difference from torch.

    Raises:
        InputError: no such model, a graph that it cannot have, a package that is missing, a size
            that froze in tracing, or a difference that is no rounding; nothing is written then.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", generate(clips=24), out="exported", overrides=tiny)
        >>> made = skelf.export_onnx(run, "model.onnx")  # doctest: +SKIP
        >>> made.checked.largest < 1e-4  # doctest: +SKIP
        True
    """
    hint()
    # A caller's lower precision may let a processor multiply in bfloat16; the file never does.
    torch.set_float32_matmul_precision("highest")
    out = Path(out)
    check_output(out, ONNX, replace=overwrite)
    subject = read_subject(model, stream)
    refuse(subject, how)
    real = None
    if data is not None:
        clips = data if isinstance(data, ClipSet) else read_data(data, say=say)
        real = adapted(clips, subject.needs, say=say)
    content = traced(subject, how)
    of_frames = how.dense or subject.kind == "detector"
    if how.step:
        checked = compare_steps(content, subject, real)
    else:
        checked = check.compare(content, subject, of_frames, real)
    with replacing(out) as beside:
        beside.write_bytes(content)
    rows = "step" if how.step else "frame" if of_frames else "clip"
    return Exported(out, checked, len(content), rows)


def traced(subject: Subject, how: Export) -> bytes:
    """The file's content, not yet checked.

    Raises:
        InputError: see `tracing.to_onnx` and `stepping.stepped`.
    """
    encoder, needs = subject.encoder, subject.needs
    answers = Answers(subject.head, subject.temperature)
    body = (needs.persons, needs.skeleton.joints, needs.channels)
    of_frames = how.dense or subject.kind == "detector"
    lead: tuple[int | str, ...] = (BATCH, FRAMES) if of_frames and not how.step else (BATCH,)
    classes = len(subject.class_names) + (subject.kind == "detector")
    lengths = {"features": encoder.dim, "probabilities": classes}
    outputs = [Slot(name, (*lead, lengths[name])) for name in answers.names]
    if how.step:
        gru = stepped(subject)
        graph: nn.Module = StepGraph(gru, answers)
        states = first_states(gru, 2)
        hidden = Slot("hidden", (states.hidden.shape[0], BATCH, states.hidden.shape[2]))
        first = Slot("first", (BATCH, *body))
        inputs = [Slot("joints", (BATCH, frames_of(gru), *body)), hidden, first]
        outputs += [hidden._replace(name="next_hidden"), first._replace(name="next_first")]
        examples: tuple[Tensor, ...] = (torch.ones(2, frames_of(gru), *body), *states)
    else:
        graph = (FrameGraph if of_frames else ClipGraph)(encoder, answers)
        inputs = [Slot("joints", (BATCH, FRAMES, *body)), Slot("lengths", (BATCH,))]
        # Two clips, and a number of frames that is no other size of the graph.
        count = next(n for n in (11, 13, 17, 19, 23) if n not in (encoder.num_frames, *body))
        examples = (torch.ones(2, count, *body), torch.tensor([count, count - 4]))
    return to_onnx(graph.eval(), examples, inputs, outputs, describe(subject, how))
