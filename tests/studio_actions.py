"""Random actions on labels, for tests: each a function of the labels as they are then."""

from hypothesis import strategies as st

from skelf.studio.labels import actions, classes
from skelf.studio.labels.edit import Edit

RECORDINGS, CLASSES, FRAMES = ("a", "b"), ("walk", "sit", "wave"), 40

frame = st.integers(0, FRAMES)
stretch = st.tuples(frame, frame).filter(lambda pair: pair[0] < pair[1])
recording, label = st.sampled_from(RECORDINGS), st.sampled_from(CLASSES)
pick = st.integers(0, 999)  # which segment, by its place among all

action = st.one_of(
    st.tuples(st.sampled_from(["add", "accept", "refuse"]), recording, stretch, label),
    st.tuples(st.just("remove"), pick),
    st.tuples(st.just("resize"), pick, stretch),
    st.tuples(st.just("move"), pick, st.integers(-10, 10)),
    st.tuples(st.just("relabel"), pick, pick, label),
    st.tuples(st.just("split"), pick, st.floats(0, 1)),
    st.tuples(st.just("join"), pick),
    st.tuples(st.just("add_class"), label),
    st.tuples(st.just("remove_class"), pick),
    st.tuples(st.just("rename_class"), pick, st.sampled_from(["run", "jump"])),
    st.tuples(st.just("merge_class"), pick, pick),
    st.tuples(st.just("finish"), recording, st.booleans()),
    st.tuples(st.sampled_from(["undo", "redo"])),
)


def edit_of(labels, told):
    """What an action makes of the labels; None where there is nothing that it could be of."""
    name, *how = told
    there = sorted(labels, key=lambda s: (s.recording, s.start, s.end, s.label))
    if name in ("add", "accept", "refuse"):
        place, (start, end), what = how
        return getattr(actions, name)(labels, place, start, end, what)
    if name == "add_class":
        return classes.add_class(labels, how[0])
    if name == "finish":
        return classes.finish(labels, *how)
    if name in ("remove_class", "rename_class", "merge_class"):
        return _of_classes(labels, name, how)
    if not there:
        return None
    one = there[how[0] % len(there)]
    if name == "remove":
        return actions.remove(labels, [one.id])
    if name == "resize":
        return actions.resize(labels, one.id, *how[1])
    if name == "move":
        by = max(-one.start, min(how[1], FRAMES - one.end))
        return actions.move(labels, one.id, by)
    if name == "relabel":
        other = there[how[1] % len(there)]
        return actions.relabel(labels, [one.id, other.id], how[2])
    if name == "split":
        at = one.start + 1 + int(how[1] * (one.end - one.start - 2))
        return actions.split(labels, one.id, at) if one.end - one.start > 1 else None
    alike = [s for s in there if (s.recording, s.label, s.kind) ==
             (one.recording, one.label, one.kind)]  # fmt: skip
    return actions.join(labels, [s.id for s in alike]) if len(alike) > 1 else None


def _of_classes(labels, name, how) -> Edit | None:
    if not labels.classes:
        return None
    one = labels.classes[how[0] % len(labels.classes)]
    if name == "remove_class":
        return classes.remove_class(labels, one)
    if name == "rename_class":
        return None if how[1] in labels.classes else classes.rename_class(labels, one, how[1])
    other = labels.classes[how[1] % len(labels.classes)]
    return None if one == other else classes.merge_class(labels, one, other)
