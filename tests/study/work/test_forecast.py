import pytest

from tests.study.small import at, open_small_run
from tests.study.work.test_estimate import record
from tfzero.common.files import write_json
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.forecast import Forecast


@pytest.fixture
def forecast(tmp_path):
    arms = ("vae/probe", "pixels/svm")
    plan, run = open_small_run(tmp_path, arms=arms, seeds=3)
    return Forecast(at(plan, run), Estimate(), workers=1)


def end(forecast, key, of, seconds):
    """Leaves a job's record, as far as the forecast reads it, and ends it."""
    folder = forecast.run.encoders if isinstance(of, str) else forecast.run.cells
    write_json(folder / f"{key}.json", {**record(of, seconds), "key": key})
    forecast.begin(key)
    forecast.end(key)


def test_after_the_first_replicate_the_rest_takes_as_long_again(forecast):
    assert len(forecast.pretraining) == 3 and len(forecast.cells) == 6
    assert forecast.planned > 0 and forecast.revised is None
    seconds = {"vae/probe": 10.0, "pixels/svm": 20.0}
    [key] = [key for key, (_, replicate) in forecast.pretraining.items() if replicate == 0]
    end(forecast, key, "vae", 100.0)
    for key, cell in list(forecast.cells.items()):
        if cell.replicate == 0:
            assert forecast.revised is None
            end(forecast, key, cell, seconds[cell.arm])
    assert forecast.seconds_left() == pytest.approx(2 * 130.0)
    assert forecast.revised == pytest.approx(2 * 130.0 + forecast.ending, abs=1.0)


def test_a_job_that_failed_leaves_no_record_and_is_not_to_come(forecast):
    before, key = forecast.seconds_left(), next(iter(forecast.cells))
    forecast.end(key)
    assert key not in forecast.cells and forecast.seconds_left() < before
    forecast.end(key)  # of another study, or ended already


def test_a_job_at_work_is_partly_done(forecast, monkeypatch):
    from tfzero.study.work import forecast as module

    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    before, key = forecast.seconds_left(), next(iter(forecast.pretraining))
    forecast.begin(key)
    assert forecast.seconds_left() == before
    now += 0.25
    assert forecast.seconds_left() == pytest.approx(before - 0.25)
