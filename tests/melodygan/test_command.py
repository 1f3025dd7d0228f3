"""The main command in a process of its own, where nothing has been imported before it."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_training_runs_in_a_process_of_its_own(tmp_path, tune_file, environment):
    command = [sys.executable, "-m", "melodygan.train", "--wgan", "--noise", "--l2", "--corpus", str(tune_file)]
    command += ["--epochs", "1", "--updates-per-epoch", "1", "--batch-size", "4", "--count", "2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "gen").glob("*.mid"))) == 2
    assert (tmp_path / "runs" / "melodygan-wgan-noise-l2" / "model.keras").is_file()
