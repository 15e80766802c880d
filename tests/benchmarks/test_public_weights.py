from benchmarks.public_weights import main


def test_reading_by_a_public_network_is_timed(capsys):
    [(size, seconds)] = main(network="MobileNet", sizes=(32,), count=10).items()
    assert size == 32 and seconds > 0
    assert "32x32: " in capsys.readouterr().out
