import pytest

from tests.study.studies import SCRATCH, plan_study
from tests.study.work.test_counted import cell
from tfzero.study.work.counted import TRACE, Machine
from tfzero.study.work.estimate import Estimate, estimate_plan
from tfzero.study.work.span import Step, find_span

MACHINE = Machine()


@pytest.fixture
def plan():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "pixels/svm"]
    return plan_study(arms=arms, seeds=10, epochs=10)


def record(of, seconds, *, graphs=0, shared=0.0, replicate=0):
    """A record, as far as the estimate reads it, of a cell or of a method's pretraining."""
    spec = {"method": of} if isinstance(of, str) else of.model_dump(mode="json")
    job = {"seconds": seconds, "shared": shared, "graphs": graphs}
    return {"key": f"{spec} {replicate}", "spec": {**spec, "replicate": replicate}, "job": job}


def learn(*records):
    estimate = Estimate(MACHINE)
    for each in records:
        estimate.add(each)
    return estimate


def test_without_records_it_is_what_is_counted(plan):
    estimate = Estimate(MACHINE)
    assert estimate.pretraining(plan, "gan") == MACHINE.pretraining(plan, "gan")
    assert estimate.cell(plan, cell(SCRATCH)) == MACHINE.cell(plan, cell(SCRATCH))
    estimate.add({"spec": {"method": "gan"}, "key": "of an earlier version"})
    assert estimate.pretraining(plan, "gan") == MACHINE.pretraining(plan, "gan")


def test_a_kind_that_was_seen_takes_the_median_without_building_graphs(plan):
    svm = cell("pixels/svm", replicate=1)
    records = [record(svm, s, replicate=r) for r, s in enumerate((1.0, 5.0, 1.2))]
    assert learn(*records).cell(plan, svm) == 1.2
    first = record(svm, 30.0, graphs=2, replicate=9)
    assert learn(*records, first).cell(plan, svm) == 1.2
    # Where each has built some, without their seconds, and no less than half.
    assert learn(first).cell(plan, svm) == 30.0 - 2 * TRACE
    assert learn(record(svm, 1.0, graphs=2)).cell(plan, svm) == 0.5
    # Graphs that are built again and again belong to it.
    again = [record(svm, 3.0, graphs=2, replicate=r) for r in range(6)]
    assert learn(*again).cell(plan, svm) == 3.0


def test_what_later_replicates_find_there_is_not_expected_again(plan):
    pixels = record(cell("pixels/label_spreading"), 1.0, shared=7.0)
    own = record(cell("vae/probe"), 1.0, shared=7.0)
    estimate = learn(pixels, own)
    assert estimate.cell(plan, cell("pixels/label_spreading", replicate=1)) == 1.0
    assert estimate.cell(plan, cell("vae/probe", replicate=1)) == 8.0


def test_a_kind_that_was_not_seen_is_told_from_the_most_alike(plan):
    few, many = cell(SCRATCH, 6), cell(SCRATCH, 12)
    slower = learn(record(many, 3 * MACHINE.cell(plan, many)))
    # Of the same arm; of the same strategy; of any.
    assert slower.cell(plan, few) == pytest.approx(3 * MACHINE.cell(plan, few))
    both = learn(
        record(cell("vae/lpft"), 2 * MACHINE.cell(plan, cell("vae/lpft"))),
        record(many, 3 * MACHINE.cell(plan, many)),
    )
    gan = cell("gan/lpft", 12, replicate=1)
    assert both.cell(plan, gan) == pytest.approx(2 * MACHINE.cell(plan, gan))
    svm = cell("pixels/svm", replicate=1)
    assert both.cell(plan, svm) == pytest.approx(2.5 * MACHINE.cell(plan, svm))
    method = learn(record("vae", 4 * MACHINE.pretraining(plan, "vae")))
    assert method.pretraining(plan, "gan") == pytest.approx(4 * MACHINE.pretraining(plan, "gan"))


def test_each_worker_builds_a_graph_once():
    def steps(count, kind="vae"):
        return [Step(f"{kind}{n}", 10.0, (), n, kind, 3.0) for n in range(count)]

    assert find_span(steps(4), 1, {}) == 43.0
    assert find_span(steps(4), 2, {}) == 23.0
    assert find_span(steps(4), 2, {"vae": 2}) == 20.0
    # The one that knows takes the first; the other has one to build.
    assert find_span(steps(3), 2, {"vae": 1}) == 20.0
    assert find_span(steps(2) + steps(2, "gan"), 4, {}) == 13.0


def test_a_step_waits_for_what_it_needs():
    first = Step("first", 5.0, (), 0, "first", 0.0)
    second = Step("second", 5.0, ("first",), 0, "second", 0.0)
    assert find_span([second, first], 2, {}) == 10.0
    assert find_span([second], 2, {}) == 5.0


def test_more_workers_end_sooner_but_not_before_the_longest_chain(plan):
    estimate = Estimate(MACHINE)
    one, two, many = (estimate_plan(plan, estimate, workers=n) for n in (1, 2, 100))
    assert one > two > many
    assert many >= estimate.pretraining(plan, "gan") + estimate.cell(plan, plan.cells()[0])


def test_time_spent_at_a_job_is_not_to_come(plan):
    estimate, cells = Estimate(Machine(speed=10.0)), {"a": cell(SCRATCH, replicate=1)}
    asked = {"pretraining": {}, "cells": cells, "workers": 1}
    left = [estimate.total(plan, **asked, spent=spent) for spent in (None, {"a": 2.0}, {"a": 999})]
    assert left[0] - left[1] == pytest.approx(2.0)
    assert left[2] < left[1]


def test_the_end_is_told_from_networks_that_were_trained(plan):
    counted = Estimate(MACHINE).ending(plan, workers=1)
    slower = learn(record(cell(SCRATCH), 3 * MACHINE.cell(plan, cell(SCRATCH))))
    inits = 4  # each has a map in the report
    training = counted - 9 - 2 * inits
    assert slower.ending(plan, workers=1) == pytest.approx(9 + 2 * inits + 3 * training)
    assert Estimate(MACHINE).ending(plan_study(arms=["pixels/svm"]), workers=1) == 3 + 2
