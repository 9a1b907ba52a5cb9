"""Two "machines" on loopback import 20,000 files: as one process does, whoever is killed."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from cluster_items import machines
from test_import_shards import listing, same

from skelf.data.clips import ClipSet
from skelf.data.importing import import_shards
from skelf.data.reading import read
from skelf.errors import InputError

pytest.importorskip("distributed", reason="skelf[cluster] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

FILES, A_SHARD, KILLS = 20_000, 250, 20
SHARDS = FILES // A_SHARD
MAPPING = """
layout = "kinect20"
columns = "{joint}_{axis}"
axes = ["x", "y", "z"]
clip = "{class}/S{subject}_C{camera}_{take}.csv"
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Files of two frames each, no two of them equal, in folders of classes."""
    from skelf.layouts import KINECT20

    folder = tmp_path_factory.mktemp("archive") / "data"
    head = ",".join(f"{name}_{axis}" for name in KINECT20.names for axis in "xyz")
    row = ",".join(str(i % 7 + 1) for i in range(59))
    for name in ("sit", "walk", "wave", "fall"):
        (folder / name).mkdir(parents=True)
    (folder / "mapping.toml").write_text(MAPPING)
    for at in range(FILES):
        place = folder / ("sit", "walk", "wave", "fall")[at % 4]
        (place / f"S{at % 40}_C{at % 3}_{at}.csv").write_text(
            f"{head}\n{row},{at / 1000}\n{row},{at / 1000 + 1}\n"
        )
    return folder


@pytest.fixture(scope="module")
def whole(archive) -> ClipSet:
    return read("csv", archive)


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    """Each shard's file as the system knows it: written again it is another one."""
    return {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in out.glob("shard-*.h5")}


def test_two_machines_import_as_one_process_does(archive, whole, tmp_path) -> None:
    out = tmp_path / "set"
    with machines(tmp_path / "loopback") as loopback:
        made = import_shards(
            listing("csv", archive), out, "csv", scheduler=loopback.address, files=A_SHARD
        )
        assert made.shards == SHARDS and made.there == 0 and not made.problems
        same(made.clips, whole)
        with pytest.raises(InputError, match="scheduler 'none': no such file"):
            import_shards(listing("csv", archive), out, "csv", scheduler="none", files=9)


@pytest.mark.timeout(900)  # on a machine that does other work every new worker takes its time
def test_workers_that_are_killed_at_random(archive, whole, tmp_path) -> None:
    """Twenty of them: nothing is missing, and what is finished stays the file that it is."""
    out = tmp_path / "set"
    draw, kills = random.Random(0), []
    seen: dict[str, tuple[int, int]] = {}
    again: list[str] = []
    with machines(tmp_path / "loopback") as loopback:

        def look(done: int, total: int) -> None:
            for name, stamp in stamps(out).items():
                record = out / "import" / f"{Path(name).stem}.json"
                if record.exists() and seen.setdefault(name, stamp) != stamp:
                    again.append(name)
            late = done > FILES * len(kills) / (KILLS + 1)
            if done and len(kills) < KILLS and late and (here := loopback.workers()):
                kills.append(draw.choice(here))
                with suppress(ProcessLookupError):
                    os.kill(kills[-1], signal.SIGKILL)

        made = import_shards(
            listing("csv", archive), out, "csv", scheduler=loopback.address, files=A_SHARD,
            progress=look,
        )  # fmt: skip
    assert len(kills) == KILLS
    same(made.clips, whole)
    assert not made.problems and made.shards == len(stamps(out)) == SHARDS
    assert seen.items() <= stamps(out).items() and not again, "a finished shard was made again"
