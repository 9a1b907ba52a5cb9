"""Writes docs/layouts.md and the picture beside it from the layouts themselves.

python docs/layouts.py
"""

from math import cos, radians, sin
from pathlib import Path

from skelf.data.synthetic.figure import Figure
from skelf.layouts import LAYOUTS
from skelf.layouts.about import ABOUT, listed

PAGE = Path(__file__).with_name("layouts.md")
PICTURE = Path(__file__).with_name("layouts.svg")
HEAD = """# Layouts

<!-- `python docs/layouts.py` writes this page and its picture. -->

The joint layouts that skelf knows by name (`skelf list layouts`, `--layout NAME`), with names and
order as their source has them. `skelf data map` brings clips of one into another. A layout of
your own is a TOML file: see [other layouts](transfer.md).

![Every layout on one standing figure](layouts.svg)

Left limbs are blue, right ones orange; each figure faces you, so its left is on your right. Bones
of markers run along the skin from one to the next and are no body lengths. Faces have the 68 points
of 300-W, hands 21.

| layout | joints | from | root | centre |
| --- | --- | --- | --- | --- |
"""
TAIL = """
**25 joints in two orders.** OpenPose writes no names. `openpose25` (BODY_25) and `body_25b` are
told apart by the bodies themselves: in the wrong order bones run to and fro across the body and
are at least 1.15 times as long (1.5 to 3.3 times in the files looked at). A `.npy`
has no names either, so it is asked about; pyskl's own forms are `ntu25` in 3D, `coco17` and
`openpose18` in 2D.

**Same name, another place.** A rig's bone is called by where it starts: `LeftUpperArm` of
`xsens23` and `LUArm` of `motive21` are shoulders, `LeftHand` and `LHand` wrists; `data map` knows.
`Head` of `mpi15` and of Halpe is the top of the head, that of SMPL and of rigs the base of the
skull, Kinect's the middle: these `data map` takes for one another, but for a rig that has a top of
the head too.

**Fingers** count from the palm, so a thumb's end is `left_thumb4` of a whole body, but
`left_thumb3` of SMPL-X, whose tips are no joints.

**HumanML3D** keeps the first 22 joints of SMPL: `humanml3d22` and `smpl22` are the same but for
their names.
"""
WIDE, HIGH, COLUMNS, SCALE = 150, 236, 6, 110.0  # pixels; SCALE for a metre
TURN = radians(-20)
PARTS = {"left": "#0072b2", "right": "#d55e00"}


def page() -> str:
    """The page's text."""
    rows = [
        f"| `{name}` | {s.joints} | {ABOUT[name]} | {s.names[s.root]} | {s.names[s.centre]} |\n"
        for name, s in LAYOUTS.items()
    ]
    names = [f"\n**`{name}`**: {listed(s.names)}\n" for name, s in LAYOUTS.items()]
    return HEAD + "".join(rows) + TAIL + "\n## Joints in their order\n" + "".join(names)


def picture() -> str:
    """The SVG's text: a figure for each layout, then a face and a hand, larger."""
    cells = [_figure(name) for name in LAYOUTS]
    whole = LAYOUTS["wholebody133"]
    face = [j for j, name in enumerate(whole.names) if name.startswith("face")]
    hand = list(range(91, 112))
    cells += [
        _detail("a face", face, (0.0, 1.60), 900, 0),
        _detail("a left hand", hand, (-0.245, 0.765), 900, 91),
    ]
    rows = -(-len(cells) // COLUMNS)
    placed = [
        f'<g transform="translate({WIDE * (at % COLUMNS)} {HIGH * (at // COLUMNS)})">{cell}</g>'
        for at, cell in enumerate(cells)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE * COLUMNS} {HIGH * rows}" '
        'font-family="sans-serif" font-size="11" stroke-linecap="round">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(placed) + "\n</svg>\n"
    )


def _figure(name: str) -> str:
    s = LAYOUTS[name]
    rest = Figure.of(s).rest
    at = [(WIDE / 2 - SCALE * (x * cos(TURN) + z * sin(TURN)), 222 - SCALE * y) for x, y, z in rest]
    fine = s.joints > 50
    return _drawn(s, at, range(s.joints), 1.0 if fine else 2.2) + _title(name)


def _detail(
    title: str, joints: list[int], middle: tuple[float, float], zoom: int, first: int
) -> str:
    s = LAYOUTS["wholebody133"]
    rest = Figure.of(s).rest
    turned = first > 0  # a hand hangs beside the body: from its side
    at = {
        j: (
            WIDE / 2 + zoom * ((rest[j, 2] + 0.03) if turned else middle[0] - rest[j, 0]),
            HIGH / 2 + 8 + zoom * (middle[1] - rest[j, 1]),
        )
        for j in joints
    }
    start = joints[0]
    numbers = [
        f'<text x="{x:.0f}" y="{y - 2:.0f}" font-size="6" fill="#666">{j - start}</text>'
        for j, (x, y) in at.items()
    ]
    return _drawn(s, at, joints, 1.2) + "".join(numbers) + _title(title)


def _drawn(s, at, joints, dot: float) -> str:
    by_colour: dict[str, list[str]] = {}
    dots: dict[str, list[str]] = {}
    left = {joint for joint, _ in s.pairs}
    right = {joint for _, joint in s.pairs}
    for j in joints:
        colour = PARTS["left"] if j in left else PARTS["right"] if j in right else "#555"
        x, y = at[j]
        dots.setdefault(colour, []).append(f"M{x:.1f} {y:.1f}h0")
        parent = s.parents[j]
        if parent >= 0 and parent in joints:
            px, py = at[parent]
            by_colour.setdefault(colour, []).append(f"M{px:.1f} {py:.1f}L{x:.1f} {y:.1f}")
    lines = [
        f'<path d="{"".join(d)}" stroke="{c}" stroke-width="{dot / 2 + 0.2:.1f}"/>'
        for c, d in by_colour.items()
    ]
    points = [
        f'<path d="{"".join(d)}" stroke="{c}" stroke-width="{2 * dot:.1f}"/>'
        for c, d in dots.items()
    ]
    return "".join(lines + points)


def _title(text: str) -> str:
    return f'<text x="{WIDE / 2:.0f}" y="16" text-anchor="middle" fill="#222">{text}</text>'


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
