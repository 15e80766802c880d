"""A small version of benchmarks/exported_files.py."""

import pytest

from benchmarks import exported_files


@pytest.mark.slow
def test_a_public_network_is_larger_and_slower_than_a_small_encoder(capsys):
    measured = exported_files.main(sources=["lite0,size=32"], rounds=3)
    small, public = measured["small encoder"], measured["lite0,size=32"]
    assert 10 < public["megabytes"] < 40 and public["megabytes"] > 5 * small["megabytes"]
    assert set(small) == {"megabytes", "load", "batch 1", "batch 32"}
    assert "| lite0,size=32 |" in capsys.readouterr().out
