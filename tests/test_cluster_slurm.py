"""Workers that SLURM starts; a stand-in for its two commands runs the job's script at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from cluster_items import HERE, square

from skelf.cluster import Done, gathered
from skelf.errors import InputError

dask = pytest.importorskip("dask")
# Not imported here: see `slurm` of what it does to Ctrl-C.
pytestmark = pytest.mark.skipif(not find_spec("dask_jobqueue"), reason="no dask_jobqueue here")

SBATCH = """#!/usr/bin/env bash
cp "$1" {here}/job.$$
cat "$1" >> {here}/scripts
setsid bash {here}/job.$$ > {here}/log 2>&1 &
echo "Submitted batch job $!" | tee -a {here}/jobs
"""
SCANCEL = '#!/usr/bin/env bash\nkill -- -"$1"\n'


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (tmp_path / name).write_text(text.format(here=tmp_path) if name == "sbatch" else text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", f"{HERE.parent}{os.pathsep}{HERE}")
    return tmp_path


def where(number):
    time.sleep(0.02)
    return os.getpid()


def wait_for_two(crew):
    until = time.monotonic() + 200
    while crew.places < 2 and time.monotonic() < until:
        list(crew.each(square, range(2)))
        time.sleep(0.1)
    assert crew.places == 2


@pytest.mark.slow
def test_slurm_starts_the_workers(slurm, capfd):
    settings = {"cores": 4, "processes": 1, "memory": "2GB", "walltime": "00:10:00"}
    with dask.config.set({f"jobqueue.slurm.{key}": value for key, value in settings.items()}):
        said = []
        with gathered("slurm", 2, say=said.append) as crew:
            found = list(crew.each(square, range(50)))
            wait_for_two(crew)
            before = {done.value for done in crew.each(where, range(50))}
            os.killpg(
                int((slurm / "jobs").read_text().split()[3]), signal.SIGKILL
            )  # its time is up
            until, new = time.monotonic() + 200, set[int]()
            while not new and time.monotonic() < until:
                new = {done.value for done in crew.each(where, range(50))} - before
            assert len(new) == 1
    assert sorted(found) == [Done(i, i * i, "") for i in range(50)]
    assert said == ["scheduler slurm: waiting for workers"]
    script = (slurm / "scripts").read_text()
    assert "--nthreads 1" in script and "export OMP_NUM_THREADS=4" in script
    assert "#SBATCH -t 00:10:00" in script
    assert capfd.readouterr() == ("", "")


def test_slurm_that_is_not_configured(slurm):
    with (
        pytest.raises(InputError, match=r"jobqueue\.slurm\.cores is not set; write it to ~/\.con"),
        gathered("slurm", 2),
    ):
        pass


def test_ctrl_c_stays_what_it_was(slurm):
    """dask_jobqueue 0.9 sets a handler of its own where it is imported."""
    script = (
        "import signal\nfrom skelf.cluster import gathered\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored behind a shell's &
        "try:\n with gathered('slurm', 2): pass\nexcept ValueError as error: print(error)\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "jobqueue.slurm.cores is not set" in out.stdout and out.stderr == ""
