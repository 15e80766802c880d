import time

from tfzero.study.work.clock import clock_job, share


def test_shared_seconds_are_told_apart_and_counted_once():
    with clock_job() as clock:
        time.sleep(0.05)
        with share(), share():
            time.sleep(0.1)
        job = clock.read(before=2.0)
    assert 2.05 <= job["seconds"] < 2.09 and 0.1 <= job["shared"] < 0.14
    with share():  # of no job
        pass
    assert clock.shared == job["shared"]


def test_graphs_are_counted_where_they_are_built(encoder, bars):
    from tfzero.common.compiled import forget_models, predict_compiled

    images, _ = bars
    forget_models()
    built = []
    for _ in range(2):
        with clock_job() as clock:
            predict_compiled(encoder, images)
            built.append(clock.read()["graphs"])
    assert built == [1, 0]
