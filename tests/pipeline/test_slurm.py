"""The smoke study on a Slurm cluster, where this machine can start one."""

from pathlib import Path

import pytest
from tools import slurm, slurm_study

pytestmark = pytest.mark.slow
here = slurm.missing()


@pytest.mark.skipif(bool(here), reason=here)
def test_a_cancelled_job_and_lost_nodes_leave_the_same_bytes(tmp_path: Path) -> None:
    found = slurm_study.study(tmp_path, ["here", "in_trouble"])
    assert found["started again by Slurm"] >= 1
    assert found["cancelled, and submitted again"] >= 1
    assert found["files alike"] > 50


@pytest.mark.skipif(bool(here), reason=here)
def test_a_cluster_in_a_folder_that_root_alone_may_enter_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "cluster"
    before = {*slurm.RUN.iterdir()}
    folder.parent.mkdir(mode=0o700)
    with slurm.cluster(folder):
        assert slurm.states() == {"idle"}
    assert {*slurm.RUN.iterdir()} == before and not slurm.CONF.exists()
    assert not (folder / "munge").is_symlink()
