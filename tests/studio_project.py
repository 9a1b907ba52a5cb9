"""A folder of made-up recordings for tests of the studio, and a project of it."""

import hashlib

from skelf.data.synthetic.clips import generate
from skelf.data.writers.plain_csv import write_csv
from skelf.studio.project.importing import bring_in
from skelf.studio.project.project import Project


def recordings_in(folder, names=("monday/walk", "monday/sit", "stand"), seed=0):
    """A CSV for each name, of some seconds."""
    clips = generate(clips=12, seed=seed)
    for at, name in enumerate(names):
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(clips, at % len(clips), path)
    return folder


def project_in(folder, **how):
    """The same, imported."""
    project = Project.create(recordings_in(folder, **how))
    bring_in(project)
    return project


def raw(folder):
    """Every file that is not the studio's: its content and when it was changed."""
    return {
        str(path.relative_to(folder)): (
            hashlib.blake2b(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "skelf_studio" not in path.relative_to(folder).parts
    }  # fmt: skip
