import os

import pytest

from tfzero.common.checks import InputError
from tfzero.study.work.fresh import run_fresh


def look_at_threads():
    import tensorflow as tf
    import threadpoolctl

    blas = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return os.getpid(), tf.config.threading.get_intra_op_parallelism_threads(), blas


def refuse(text):
    raise InputError(text)


def die():
    os._exit(9)


@pytest.mark.slow
def test_a_fresh_process_has_the_threads_asked_for():
    process, threads, blas = run_fresh(look_at_threads, threads=2)
    assert process != os.getpid() and threads == 2 and set(blas) == {2}


def test_errors_and_deaths_of_a_fresh_process_are_told():
    with pytest.raises(InputError, match="no such thing"):
        run_fresh(refuse, "no such thing", threads=1)
    with pytest.raises(RuntimeError, match=r"was ended \(exit status 9\)"):
        run_fresh(die, threads=1)
