import pytest

from tfzero.report.inits import describe_init, is_baseline, list_stages


@pytest.mark.parametrize(
    ("init", "stages"),
    [
        ("vae", ["vae"]),
        ("supervised+vae", ["supervised", "supervised+vae"]),
        ("vae@source+gan", ["vae@source", "vae@source+gan"]),
    ],
)
def test_a_chain_goes_through_its_stages_in_order(init, stages):
    assert list_stages(init) == stages


def test_baselines_use_no_pretrained_network():
    for init in ("scratch", "scratch-long", "pixels", "kmeans"):
        assert is_baseline(init)
    for init in ("vae", "public", "supervised+vae", "mine"):
        assert not is_baseline(init)


def test_inits_whose_names_do_not_say_what_they_are_are_described():
    assert describe_init("scratch") == "scratch (random weights)"
    assert describe_init("vae") == "vae"
