"""Encoders that come from elsewhere: words, keys, order of work, and what is said of them."""

import json

import keras
import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.study.small import at
from tests.study.studies import judge_accuracy, make_plan, say
from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.data.source_task import load_source_task
from tfzero.pretrain import METHODS
from tfzero.study.inits import list_inits, parse_init, read_init, read_learner
from tfzero.study.inits.unfinished import KeepUnfinished
from tfzero.study.minutes import fit_minutes
from tfzero.study.planning.arms import Foreign, choose_arms, parse_arms
from tfzero.study.planning.families import list_families
from tfzero.study.planning.parts import CellSpec, GivenEncoder
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.verdict.sources import describe_source
from tfzero.study.verdict.words import describe_comparison
from tfzero.study.work.cell import run_cell
from tfzero.study.work.counted import Machine
from tfzero.study.work.estimate import Estimate, estimate_plan
from tfzero.study.work.inputs import Nearness, find_nearness
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.tasks import study_tasks
from tfzero.transfer.features import graph_images, read_features

SCRATCH = "scratch/finetune"
ALL = Foreign(source=True, labelled=True)
GIVEN = GivenEncoder(init="file", name="mine.keras", fingerprint="00")


def make_data(seed=0):
    return from_arrays(*draw_bars(100, seed=seed), name="target")


def make_source(data, *, seed=7, labelled=True):
    images, labels = draw_bars(96, seed=seed)
    source = from_arrays(images.transpose(0, 2, 1, 3), labels, name="other")
    found = load_source_task(source, like=data)
    if labelled:
        return found
    return type(found)("other", found.images, np.zeros(0, np.int64), (), "other")


def plan_with_source(*, arms=None, seeds=3, data=None, **asked):
    data = data or make_data()
    source = asked.pop("source", None) or make_source(data)
    return make_plan(
        data, source=source, arms=arms, label_counts=[8, 12], seeds=seeds, epochs=1, **asked
    )


def list_stages(word):
    return [stage.word for stage in read_init(word).stages()]


def test_words_are_taken_apart():
    chain = read_init("vae@source+gan")
    assert chain.halves == ("vae@source", "gan") and chain.word == "vae@source+gan"
    assert chain.before.reads_source and not chain.reads_source
    assert list_stages("vae@source+gan") == ["vae@source", "vae@source+gan"]
    assert list_stages("supervised+vae") == ["supervised", "supervised+vae"]
    assert list_stages("public+vae") == ["public+vae"]
    assert list_stages("public") == list_stages("scratch") == list_stages("pixels") == []
    assert list_stages("vae") == ["vae"]
    # A chain on the target's own pool alone is none, nor is one of what has no network.
    for word in (
        "vae+gan",
        "kmeans@source+vae",
        "scratch@source",
        "supervised@source",
        "vae@",
        "supervised+kmeans",
        "supervised+",
        "pixels+vae",
        "public+distillation",
        "distillation+vae",
        "distillation@source",
    ):
        assert parse_init(word) is None, word
    for word in list_inits(labelled=True, source=True, given="public"):
        assert parse_init(word) is not None, word


def test_arms_of_a_source_are_known_where_there_is_one():
    arms = ("supervised/lpft", "vae@source/probe", "supervised+vae/svm", "kmeans@source/svm")
    assert parse_arms(arms, foreign=ALL) == arms
    with pytest.raises(InputError, match="`source=DATA`"):
        parse_arms(["supervised/lpft"])
    with pytest.raises(InputError, match="`source=lite0` or `source=imagenet:NAME`"):
        parse_arms(["public/probe"], foreign=ALL)
    with pytest.raises(InputError, match="this source has none.*needs no labels"):
        parse_arms(["supervised/lpft"], foreign=Foreign(source=True))
    with pytest.raises(InputError, match='Did you mean "vae@source/lpft"'):
        parse_arms(["vae@sorce/lpft"], foreign=ALL)
    with pytest.raises(InputError, match="kmeans@source/lpft"):
        parse_arms(["kmeans@source/lpft"], foreign=ALL)


def test_an_arm_with_a_teacher_needs_an_encoder_that_came_ready():
    for given in ("public", "file"):
        arms = ("distillation/lpft", "distillation/svm")
        assert parse_arms(arms, foreign=Foreign(given=given)) == arms
    for foreign in (Foreign(), ALL):
        message = '"distillation/lpft" needs a teacher.*`source=lite0`.* or `source=FILE'
        with pytest.raises(InputError, match=message):
            parse_arms(["distillation/lpft"], foreign=foreign)
    # It is no part of a chain, and has no source's images.
    for init in ("public+distillation", "distillation+vae", "distillation@source"):
        with pytest.raises(InputError, match="and nothing goes on from it. Use an arm such as dis"):
            parse_arms([f"{init}/lpft"], foreign=Foreign(given="public"))
    with pytest.raises(InputError, match="goes on from no other network"):
        choose_arms(None, foreign=Foreign(given="public"), then="distillation")


def test_without_arms_a_study_gets_those_of_its_source():
    assert choose_arms(None, foreign=ALL)[-1] == "supervised/lpft"
    assert choose_arms(None, foreign=Foreign(source=True))[-1] == "simclr@source/lpft"
    public = ("public/svm", "public/spread_probe", "public/spread_finetune", "public/lpft")
    taught = ("distillation/spread_distill", "distillation/svm")
    found = choose_arms(None, foreign=Foreign(given="public"))
    assert found[-7:] == (*public, *taught, "pixels/label_spreading")  # the last is a control
    # A public network generates no images.
    given = Foreign(given="public")
    generated = choose_arms(None, foreign=given, unlabeled_from="generated")
    assert set(generated) & set(public) == {"public/svm", "public/lpft"}
    assert choose_arms(None, foreign=Foreign(given="file"))[-2:] == ("file/lpft", "file/probe")
    # A chain brings each of its halves alone.
    assert choose_arms([SCRATCH], foreign=ALL, then="vae") == (
        SCRATCH,
        "supervised/lpft",
        "vae/lpft",
        "supervised+vae/lpft",
    )
    with pytest.raises(InputError, match="there is no source"):
        choose_arms(None, foreign=Foreign(), then="vae")
    with pytest.raises(InputError, match='Did you mean "vae"'):
        choose_arms(None, foreign=ALL, then="vea")
    with pytest.raises(
        InputError, match="no arm starts from it: vae/lpft. Add an arm such as supervised/"
    ):
        choose_arms(["vae/lpft"], foreign=ALL)


def test_an_arm_from_elsewhere_is_compared_with_the_targets_own_pool():
    arms = ["vae/lpft", "gan/lpft", "gan/probe", SCRATCH, "kmeans/svm"]

    def rivals(arm, *more):
        families = list_families([Arm.parse(each) for each in [*arms, *more, arm]])
        pairs = [pair for family in families if family.id == "rivals" for pair in family.pairs]
        return [rival for _, rival in pairs]

    assert rivals("vae@source/lpft") == ["vae/lpft"]  # by the same method
    assert rivals("supervised/lpft") == ["vae/lpft", "gan/lpft"]  # by the same strategy
    assert rivals("public/svm") == ["vae/lpft", "gan/lpft", "gan/probe"]  # or all
    assert rivals("kmeans@source/svm") == []  # a baseline
    # One that had a teacher also with the teacher's own arms.
    own = ["vae/lpft", "gan/lpft"]
    given = ["public/svm", "public/probe"]
    assert rivals("distillation/lpft", *given)[-4:] == [*own, *given]
    assert rivals("distillation/svm", *given)[-4:] == [*own, "gan/probe", "public/svm"]
    assert rivals("public+vae/lpft", "public/lpft")[-2:] == ["public/lpft", "vae/lpft"]
    # A chain against each of its halves, beside what its start is compared with.
    chain = rivals("supervised+vae/lpft", "supervised/lpft")
    assert chain[-2:] == ["supervised/lpft", "vae/lpft"]


def test_keys_know_the_source_and_nothing_else_does():
    data = make_data()
    arms = ["vae/lpft", "vae@source/lpft", "supervised/lpft", "supervised+vae/lpft", SCRATCH]
    plans = [
        plan_with_source(data=data, arms=arms, source=make_source(data, seed=seed))
        for seed in (7, 8)
    ]
    assert list(plans[0].pretraining) == ["vae", "vae@source", "supervised", "supervised+vae"]
    for init, same in [
        ("vae", True),
        ("vae@source", False),
        ("supervised", False),
        ("supervised+vae", False),
    ]:
        first, second = (plan.pretraining_key(init, 0) for plan in plans)
        assert (first == second) == same, init
    cells = [CellSpec(arm=arm, num_labels=8, replicate=0) for arm in arms]
    same = [plans[0].cell_key(cell) == plans[1].cell_key(cell) for cell in cells]
    assert same == [True, False, False, False, True]
    # A study without a source has the keys it had.
    alone = make_plan(data, arms=["vae/lpft"], label_counts=[8, 12], seeds=3, epochs=1)
    assert alone.pretraining_key("vae", 0) == plans[0].pretraining_key("vae", 0)
    given = [
        make_plan(
            data,
            arms=["file/lpft", "file+vae/lpft", "distillation/lpft", SCRATCH],
            label_counts=[8],
            given=GIVEN.model_copy(update={"fingerprint": name}),
        )
        for name in ("00", "01")
    ]
    keys = [[plan.cell_key(cell) for cell in plan.cells()[:4]] for plan in given]
    assert [a == b for a, b in zip(*keys, strict=True)] == [False, False, False, True]
    taught = [plan.pretraining_key("distillation", 0) for plan in given]
    assert taught[0] != taught[1]


def test_what_goes_on_from_another_waits_for_it():
    plan = plan_with_source(arms=["supervised+vae/lpft", "vae/lpft", SCRATCH], seeds=1)
    workspace = at(plan, RunFolder("nowhere"))
    tasks = {task.key: task for task in study_tasks(workspace, Estimate())}
    needs = {
        task.label.partition(",")[0]: {tasks[key].label for key in task.needs}
        for task in tasks.values()
    }
    assert needs == {
        "pretrain vae": set(),
        "pretrain supervised": set(),
        "pretrain supervised+vae": {"pretrain supervised, seed 0"},
        SCRATCH: set(),
        "vae/lpft": {"pretrain vae, seed 0"},
        "supervised+vae/lpft": {"pretrain supervised+vae, seed 0"},
    }


def test_minutes_drop_no_half_of_a_chain_that_stays():
    arms = ["supervised/lpft", "vae/lpft", "supervised+vae/lpft", SCRATCH]
    plan = plan_with_source(arms=arms, seeds=3)
    estimate = Estimate()
    whole = estimate_plan(plan, estimate, workers=1) / 60
    fitted = fit_minutes(plan, estimate, minutes=0.8 * whole, workers=1)
    assert set(fitted.pretraining) == {
        stage for arm in fitted.arms for stage in list_stages(arm.init)
    }
    assert len(fitted.arms) < 4 and SCRATCH in fitted.arms


def judge_made_up(accuracy, **asked):
    arms = list(dict.fromkeys(arm for arm, _ in accuracy))
    seeds = len(next(iter(accuracy.values())))
    data = make_data()
    plan = make_plan(
        data, source=make_source(data), arms=arms, label_counts=[8], seeds=seeds, epochs=1, **asked
    )
    verdict = judge_accuracy(plan, accuracy)
    return plan, verdict


def test_the_verdict_says_whether_the_source_beats_the_own_pool():
    plan, verdict = judge_made_up(
        {
            (SCRATCH, 8): [70.0, 70.2, 70.1, 70.3],
            ("vae/lpft", 8): [70.1, 70.1, 70.2, 70.3],
            ("supervised/lpft", 8): [90.0, 90.1, 90.3, 90.2],
            ("supervised+vae/lpft", 8): [80.0, 80.1, 80.3, 80.2],
        }
    )
    # Three against scratch, and three against one another.
    families = [entry["family"] for entry in verdict["comparisons"]]
    assert families == ["pretraining", *["elsewhere"] * 2, *["rivals"] * 3]
    found = {(e["arm"], e["baseline"]): e for e in verdict["comparisons"][3:]}
    assert found["supervised/lpft", "vae/lpft"]["outcome"] == "better"
    assert found["supervised+vae/lpft", "supervised/lpft"]["outcome"] == "worse"
    assert found["supervised+vae/lpft", "vae/lpft"]["outcome"] == "better"
    assert {entry["baseline"] for entry in verdict["comparisons"][:3]} == {SCRATCH}
    headline = say(verdict, plan=plan)
    for part in (
        "At 8 labels, pretraining on your unlabeled images makes no difference worth having",
        "At 8 labels, supervised/lpft beats training from scratch by 20.0 points (",
        "At 8 labels, supervised/lpft beats pretraining on your own images",
        "At 8 labels, supervised+vae/lpft loses to one of its halves alone",
    ):
        assert part in headline
    sentence = describe_comparison(found["supervised+vae/lpft", "supervised/lpft"], plan=plan)
    assert sentence.startswith(
        "At 8 labels, supervised/lpft beats supervised+vae/lpft by 10.0 points (95 % interval "
    )


def headline_of(gains):
    """The headline where every arm scores 70 % and its gain, nearly the same in every seed."""
    near = [0.0, 0.2, 0.1, 0.3]
    accuracy = {(arm, 8): [70 + gain + each for each in near] for arm, gain in gains.items()}
    plan, verdict = judge_made_up(accuracy)
    return say(verdict, plan=plan)


def test_what_the_own_pool_gives_is_not_credited_to_the_source():
    said = headline_of(
        {SCRATCH: 0, "vae/lpft": 20, "supervised/lpft": 0, "supervised+vae/lpft": 20}
    )
    assert "an encoder from other makes no difference worth having" in said
    assert "supervised+vae/lpft beats training from scratch by 20.0 points" in said
    assert "supervised/lpft beats training" not in said


def test_who_was_beaten_is_named_where_it_was_not_all_of_them():
    said = headline_of({SCRATCH: 0, "simclr/lpft": 20, "vae/lpft": 2, "vae@source/lpft": 10})
    assert "vae@source/lpft beats vae/lpft, pretrained on your own images" in said
    assert "beats pretraining on your own images" not in said
    lost = headline_of(
        {SCRATCH: 0, "simclr/lpft": 20, "vae/lpft": 2, "vae/probe": 0, "supervised/lpft": 10}
    )
    assert "supervised/lpft loses to simclr/lpft, pretrained on your own images" in lost
    half = headline_of({SCRATCH: 0, "supervised/lpft": 2, "supervised+vae/lpft": 10})
    assert "supervised+vae/lpft beats supervised/lpft alone" in half


def test_a_strategy_that_reads_the_pool_is_compared_with_the_own_pools_too():
    said = headline_of(
        {SCRATCH: 0, "scratch/selftrain": 0, "vae/selftrain": 20, "supervised/selftrain": 10}
    )
    assert "supervised/selftrain beats scratch/selftrain" in said
    assert "supervised/selftrain loses to pretraining on your own images" in said


def test_what_cannot_be_told_is_said_with_what_would_settle_it():
    plan, verdict = judge_made_up(
        {
            (SCRATCH, 8): [70.0, 75.0, 65.0],
            ("vae/lpft", 8): [60.0, 70.0, 80.0],
            ("vae@source/lpft", 8): [80.0, 70.0, 65.0],
        }
    )
    entry = verdict["comparisons"][-1]
    assert entry["family"] == "rivals"
    assert entry["outcome"] == "cannot tell" and entry["settled_by"]["points"] > 0
    assert "vae@source/lpft does not differ detectably from vae/lpft" in describe_comparison(
        entry, plan=plan
    )
    assert "not differ detectably from" in say(verdict, plan=plan)


def test_a_source_that_harms_is_said_to_and_one_arm_that_may_help_keeps_it_open():
    worse = [60.0, 60.2, 60.1, 60.3]
    accuracy = {(SCRATCH, 8): [70.0, 70.2, 70.1, 70.3], ("supervised/lpft", 8): worse}
    plan, verdict = judge_made_up(accuracy)
    headline = say(verdict, plan=plan)
    assert "At 8 labels, an encoder from other is worse than training from scratch" in headline
    open_still = {**accuracy, ("vae@source/lpft", 8): [50.0, 90.0, 60.0, 80.0]}
    plan, verdict = judge_made_up(open_still)
    headline = say(verdict, plan=plan)
    assert "At 8 labels, this study cannot tell whether an encoder from other helps" in headline


def test_one_ready_encoder_is_spoken_of_alone():
    accuracy = {
        (SCRATCH, 8): [70.0, 70.2, 70.1, 70.3],
        ("file/lpft", 8): [90.0, 90.1, 90.3, 90.2],
    }
    data = make_data()
    plan = make_plan(
        data, given=GIVEN, arms=[SCRATCH, "file/lpft"], label_counts=[8], seeds=4, encoders=2
    )
    verdict = judge_accuracy(plan, accuracy)
    [entry] = verdict["comparisons"]
    assert (entry["outcome"], entry["encoders"], entry["seeds"]) == ("better", 1, 4)
    said = say(verdict, plan=plan)
    assert said.startswith("At 8 labels, file/lpft with this encoder beats training from scratch")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder with the encoders of a study of one replicate."""
    data = make_data()
    arms = ["supervised/probe", "vae@source/probe", "supervised+vae/probe", "kmeans@source/svm"]
    own = build_small_encoder()
    source = make_source(data)
    plan = plan_with_source(data=data, source=source, arms=arms, seeds=1, encoder=own)
    run = RunFolder(tmp_path_factory.mktemp("sources"))
    open_run(plan, data, run, encoder=own, source=source)
    for init in plan.pretraining:
        run_pretraining(at(plan, run), init, 0)
    return plan, run


def test_each_stage_learns_from_what_it_should(finished):
    plan, run = finished
    source = at(plan, run).source
    own = at(plan, run).data.pool
    for init, images in [
        ("supervised", source.images),
        ("vae@source", source.images),
        ("kmeans@source", source.images),
        ("supervised+vae", own),
    ]:
        learner = read_learner(init)
        np.testing.assert_array_equal(learner.images(at(plan, run)), images)
        if init != "supervised":
            assert learner.count_images(plan.counts) == len(images)
    # Those that have labels, of all.
    assert read_learner("supervised").count_images(plan.counts) == len(source.labels)
    records = {
        init: json.loads((run.encoders / f"{plan.pretraining_key(init, 0)}.json").read_text())
        for init in plan.pretraining
    }
    assert records["supervised"]["cost"]["steps"] == 2 and records["supervised"]["history"] == {}
    assert records["vae@source"]["history"].keys() == records["supervised+vae"]["history"].keys()


def test_a_chain_goes_on_from_where_its_first_stage_ended(finished):
    plan, run = finished
    start = read_init("supervised+vae").start(at(plan, run), 0)
    supervised = at(plan, run).load_encoder("supervised", 0)
    random = at(plan, run).random_encoder(0)
    ended = at(plan, run).load_encoder("supervised+vae", 0)
    weights = [model.get_weights()[0] for model in (start, supervised, random, ended)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])
    assert not np.array_equal(weights[0], weights[3])
    # A few updates away: nearer to its start than to other weights.
    assert np.abs(weights[3] - weights[0]).mean() < np.abs(weights[3] - weights[2]).mean()


def test_cells_of_a_source_score(finished):
    plan, run = finished
    for cell in plan.cells():
        record = run.read_cell(run_cell(at(plan, run), cell))
        assert record is not None and record["spec"]["init"] == cell.init


def test_a_ready_encoder_is_the_same_in_every_replicate(tmp_path):
    data = make_data()
    ready = build_small_encoder(seed=5)
    plan = make_plan(
        data,
        given=GIVEN,
        arms=["file/probe", "file/svm", "file/finetune"],
        label_counts=[8],
        seeds=2,
    )
    run = RunFolder(tmp_path)
    open_run(plan, data, run, given=ready)
    assert plan.pretraining == {}
    for cell in plan.cells():
        run_cell(at(plan, run), cell)
    # Read once: test images for both replicates together, labelled ones for each.
    names = sorted(path.name for path in (run.cache / "features").glob("*.npy"))
    assert len([name for name in names if "-test" in name]) == 1 and len(names) == 3
    loaded = at(plan, run).load_encoder("file", 1)
    np.testing.assert_array_equal(loaded.get_weights()[0], ready.get_weights()[0])


def test_a_graph_reads_the_features_that_the_teacher_read(tmp_path, monkeypatch):
    data = make_data()
    arms = ["distillation/lpft", "file/label_spreading", SCRATCH]
    plan = make_plan(data, given=GIVEN, arms=arms, label_counts=[8], seeds=2, epochs=1)
    run, ready, read = RunFolder(tmp_path), build_small_encoder(seed=5), []
    open_run(plan, data, run, given=ready)

    def reading(encoder, images):
        read.append(len(images))
        return read_features(encoder, images)

    monkeypatch.setattr("tfzero.transfer.features.read_features", reading)
    run_pretraining(at(plan, run), "distillation", 0)
    for replicate in range(2):
        spread = Arm("file", "label_spreading")
        run_cell(at(plan, run), CellSpec(arm=spread, num_labels=8, replicate=replicate))
    assert read.count(len(data.pool)) == 1
    # The same graph as one that reads the images itself.
    kept = np.load(next((run.cache / "features").glob("*-graph.npz")))
    own = graph_images(ready, data.pool)
    np.testing.assert_array_equal(kept["neighbours"], own.neighbours)
    np.testing.assert_allclose(kept["places"], own.places, atol=1e-5)


def test_a_taught_network_spreads_labels_by_its_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr("tfzero.transfer.budget._JOINT_STEPS", 20)
    data = make_data()
    arms = ["distillation/spread_distill", "file/spread_probe", SCRATCH]
    plan = make_plan(data, given=GIVEN, arms=arms, label_counts=[8], seeds=1, epochs=1)
    run, ready = RunFolder(tmp_path), build_small_encoder(seed=5)
    open_run(plan, data, run, given=ready)
    run_pretraining(at(plan, run), "distillation", 0)
    cells = [CellSpec(arm=Arm.parse(arm), num_labels=8, replicate=0) for arm in arms[:2]]
    near = find_nearness(at(plan, run), cells[0])
    assert near.encoder.output_shape == ready.output_shape and not near.by_pixels
    np.testing.assert_array_equal(near.encoder.get_weights()[0], ready.get_weights()[0])
    own = graph_images(ready, data.pool)
    np.testing.assert_array_equal(near.graph.neighbours, own.neighbours)
    # To read the pool by the teacher is not counted again.
    machine = Machine(operations=1, given=10**9)
    assert machine.once(plan, cells[1]) > 100 * machine.once(plan, cells[0])
    for cell in cells:
        run_cell(at(plan, run), cell)
    # One graph for both arms: the teacher's.
    assert len(list((run.cache / "features").glob("*-graph.npz"))) == 1
    assert find_nearness(at(plan, run), cells[1]) == Nearness()  # it needs none beside its own


def test_a_teacher_reads_the_pool_once_and_each_encoder_bears_its_cost(tmp_path, monkeypatch):
    data = make_data()
    arms = ["distillation/lpft", "file/lpft", SCRATCH]
    plan = make_plan(data, given=GIVEN, arms=arms, label_counts=[8], seeds=2, epochs=2)
    run = RunFolder(tmp_path)
    ready = build_small_encoder(seed=5)
    open_run(plan, data, run, given=ready)
    read = []

    def reading(encoder, images):
        read.append(len(images))
        return read_features(encoder, images)

    monkeypatch.setattr("tfzero.transfer.features.read_features", reading)
    records = []
    for replicate in range(2):
        key = run_pretraining(at(plan, run), "distillation", replicate)
        records.append(json.loads((run.encoders / f"{key}.json").read_text()))
        # As if reading had taken long; it is done once.
        [stored] = (run.cache / "features").glob("*-pool.json")
        stored.write_text(json.dumps({**json.loads(stored.read_text()), "seconds": 1000.0}))
    assert read == [len(data.pool)]
    first, second = records
    # The first one's job shared it with the second, whose encoder bears its cost, too.
    assert first["job"]["shared"] > 0 and second["job"]["shared"] == 0
    assert second["job"]["seconds"] < 1000 < second["cost"]["seconds"]
    assert first["spec"]["method"] == "distillation" and len(first["history"]["loss"]) == 2
    # The teacher is neither trained nor counted.
    student = at(plan, run).load_learnt("distillation", 0)
    head = (student.output_shape[1] + 1) * ready.output_shape[1]
    assert first["cost"]["parameters"] == student.count_params() + head
    cell = CellSpec(arm=Arm("distillation", "lpft"), num_labels=8, replicate=1)
    run_cell(at(plan, run), cell)
    assert run.read_cell(plan.cell_key(cell))["spec"]["init"] == "distillation"


def test_a_distillation_goes_on_after_a_kill_and_ends_alike(tmp_path, monkeypatch):
    data = make_data()
    plan = make_plan(
        data, given=GIVEN, arms=["distillation/lpft"], label_counts=[8], seeds=1, epochs=3
    )
    monkeypatch.setattr("tfzero.study.inits.unfinished._EVERY_SECONDS", 0.0)
    weights = []
    for name in ("whole", "killed"):
        run = RunFolder(tmp_path / name)
        open_run(plan, data, run, given=build_small_encoder(seed=5))
        if name == "killed":
            save = KeepUnfinished.on_epoch_end

            def kill(self, epoch, logs=None, save=save):
                save(self, epoch, logs)
                raise KeyboardInterrupt

            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(KeepUnfinished, "on_epoch_end", kill)
                run_pretraining(at(plan, run), "distillation", 0)
            assert len(list(run.unfinished.glob("*.keras"))) == 1
        run_pretraining(at(plan, run), "distillation", 0)
        weights.append(at(plan, run).load_learnt("distillation", 0).get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_reading_by_a_teacher_is_expected_once():
    data = make_data()
    plan = make_plan(
        data, given=GIVEN, arms=["distillation/lpft", "vae/lpft"], label_counts=[8], seeds=3
    )
    machine = Machine(speed=1.0, operations=1_000, given=10**9)
    estimate = Estimate(machine)
    reading = machine.stored(plan, "distillation")
    assert reading > 2e9 * len(data.pool) / 1e9  # at a GFLOP/s
    assert machine.stored(plan, "vae") == 0
    first, second = (estimate.learning(plan, "distillation", replicate) for replicate in (0, 1))
    assert first - second == pytest.approx(reading)
    # The student learns at its own size.
    without = Estimate(machine._replace(given=0))
    assert second == without.learning(plan, "distillation", 1)
    total = estimate_plan(plan, estimate, workers=1) - estimate_plan(plan, without, workers=1)
    assert total == pytest.approx(reading, rel=0.1)
    tasks = study_tasks(at(plan, RunFolder("nowhere")), estimate)
    told = {task.label: task.seconds for task in tasks}
    assert told["pretrain distillation, seed 0"] == pytest.approx(first)
    assert told["pretrain distillation, seed 1"] == pytest.approx(second)


def test_scratch_for_longer_is_not_trained_for_a_teacher_that_is_not_there():
    plan = make_plan(make_data(), arms=["scratch-long/finetune"], label_counts=[8], seeds=1)
    with pytest.MonkeyPatch.context() as patch:
        dear = METHODS["distillation"]._replace(relative_cost=1000.0)
        patch.setitem(METHODS, "distillation", dear)
        again = make_plan(make_data(), arms=["scratch-long/finetune"], label_counts=[8], seeds=1)
    assert again.extra_steps == plan.extra_steps


def test_the_verdict_says_whether_a_small_network_does_as_well_as_its_teacher():
    near = [0.0, 0.2, 0.1, 0.3]
    gains = {
        SCRATCH: 0,
        "vae/lpft": 1,
        "distillation/lpft": 10,
        "file/probe": 5,
        "file/svm": 15,
    }
    data = make_data()
    plan = make_plan(data, given=GIVEN, arms=list(gains), label_counts=[8], seeds=4, epochs=1)
    accuracy = {(arm, 8): [70 + gain + each for each in near] for arm, gain in gains.items()}
    verdict = judge_accuracy(plan, accuracy)
    said = say(verdict, plan=plan)
    three = "distillation/lpft, file/probe and file/svm"
    assert f"{three} beat pretraining on your own images" in said
    assert "distillation/lpft loses to file/svm, of its teacher" in said
    told = " ".join(describe_source(plan))
    assert "All file arms start from one encoder, mine.keras." in told
    assert "All distillation arms learn from its features, in a network of the study's own" in told


def test_the_noise_of_a_ready_encoder_is_drawn_from_the_replicate(tmp_path):
    data = make_data()
    layers = [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(8),
        keras.layers.Dropout(0.5),
    ]
    ready = keras.Sequential(layers)
    plan = make_plan(data, given=GIVEN, arms=["file/finetune"], label_counts=[8], seeds=2)
    run = RunFolder(tmp_path)
    open_run(plan, data, run, given=ready)
    image = np.ones((1, 8, 8, 1), np.float32)

    def draw(replicate):
        loaded = at(plan, run).load_encoder("file", replicate)
        np.testing.assert_array_equal(loaded.get_weights()[0], ready.get_weights()[0])
        return np.asarray(loaded(image, training=True))

    np.testing.assert_array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
