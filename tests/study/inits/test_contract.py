"""What holds for every init, and what each says of itself."""

import pytest

from tests.study.studies import make_plan
from tfzero.data import from_arrays
from tfzero.pretrain import METHODS
from tfzero.study.inits import list_inits, parse_init, read_init, read_learner
from tfzero.study.inits.base import Bought
from tfzero.study.inits.context import Counts

WORDS = [*list_inits(labelled=True, source=True, given="public"), "file", "file+vae"]
LEARNERS = [word for word in WORDS if read_init(word).learns()]


@pytest.mark.parametrize("word", WORDS)
def test_an_init_is_called_as_it_was_read(word):
    init = read_init(word)
    assert init.word == word and repr(init) == f"{type(init).__name__}({word!r})"
    stages = [stage.word for stage in init.stages()]
    assert (stages[-1:] == [word]) == init.learns()
    # What it goes on from comes first, and is what its first half starts from.
    if init.before is not None:
        assert init.halves == (init.before.word, init.word.rpartition("+")[2])
        assert stages[:-1] == [stage.word for stage in init.before.stages()]


@pytest.mark.parametrize(
    "word", ["", "nothing", "vae+", "+vae", "scratch+vae", "pixels@source", "distillation@source"]
)
def test_other_words_are_no_inits(word):
    assert parse_init(word) is None


@pytest.mark.parametrize(
    "word, true",
    [
        ("scratch", "is_random has_network has_map shows_networks"),
        ("scratch-long", "is_random has_network shows_networks"),
        ("pixels", "reads_pixels has_map"),
        ("kmeans", "has_map"),
        ("kmeans@source", "is_foreign reads_source has_map"),
        ("rotation", "is_pretrained has_network has_map shows_networks"),
        ("vae", "is_pretrained has_network generates has_map shows_networks"),
        (
            "gan@source",
            "is_pretrained is_foreign has_network reads_source generates has_map shows_networks",
        ),
        (
            "supervised",
            "is_pretrained is_foreign has_network reads_source has_map shows_networks",
        ),
        (
            "public",
            "is_pretrained is_foreign is_given is_start_given reads_given has_network has_map",
        ),
        (
            "file",
            "is_pretrained is_foreign is_given is_start_given reads_given has_network has_map "
            "shows_networks",
        ),
        (
            "distillation",
            "is_pretrained is_foreign reads_given has_network has_map shows_networks",
        ),
        ("supervised+simclr", "is_pretrained is_foreign has_network has_map shows_networks"),
        (
            "public+vae",
            "is_pretrained is_foreign is_start_given reads_given has_network generates has_map",
        ),
    ],
)
def test_each_kind_says_what_it_is(word, true):
    facts = (
        "is_pretrained is_random is_foreign is_given is_start_given reads_given has_network "
        "reads_source generates reads_pixels has_map shows_networks"
    )
    init = read_init(word)
    assert {fact for fact in facts.split() if getattr(init, fact)} == set(true.split())


@pytest.mark.parametrize("word", [word for word in LEARNERS if not read_init(word).is_foreign])
def test_a_learner_says_what_it_costs(word, bars):
    learner, counts = read_learner(word), Counts(pool=1000)
    plan = make_plan(from_arrays(*bars), arms=[f"{word}/svm"], label_counts=[8])
    settings = plan.pretraining[word]
    bought = learner.updates_bought(settings, counts, Bought(batch_size=32, small=False))
    # K-means costs seconds; a method costs by what was measured of it.
    expected = METHODS[word].relative_cost * settings.epochs * 1000 / 32 if word != "kmeans" else 0
    assert bought == pytest.approx(expected)
    # 250 patches of 16 pixels for each of 100 centroids, compared with all of these 30 times.
    others = 30 * 250 * 100 * 100 * 16 if word == "kmeans" else 0
    assert learner.other_operations(settings, num_channels=1) == others


@pytest.mark.parametrize(
    "word, count", [("vae", 7), ("vae@source", 50), ("supervised", 30), ("supervised+vae", 7)]
)
def test_a_learner_counts_the_images_that_it_learns_from(word, count):
    assert read_learner(word).count_images(Counts(pool=7, source=50, labelled=30)) == count
