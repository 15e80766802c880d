import keras
import numpy as np
import pytest
import tensorflow as tf

from tfzero.common.adam import FusedAdam


def draw(random):
    return [random.normal(size=shape).astype(np.float32) for shape in ((3, 2), (4,), ())]


def run(optimizer, steps, start):
    variables = [keras.Variable(value) for value in start]
    optimizer.build(variables)
    for step in steps:
        optimizer.apply([tf.constant(each) for each in step], variables)
    return [np.asarray(variable) for variable in variables]


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("options", [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}])
def test_equals_keras(decay, options):
    random = np.random.default_rng(0)
    start, steps = draw(random), [draw(random) for _ in range(6)]
    found = run(FusedAdam(0.1, weight_decay=decay, **options), steps, start)
    expected = run(keras.optimizers.AdamW(0.1, weight_decay=decay, **options), steps, start)
    for ours, theirs, before in zip(found, expected, start, strict=True):
        assert np.abs(theirs - before).max() > 0.05
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_follows_a_schedule_and_rows_of_a_gradient():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    rows = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), tf.constant([3, 2]))
    ours, theirs = keras.Variable(np.ones((3, 2))), keras.Variable(np.ones((3, 2)))
    for optimizer, variable in (
        (FusedAdam(schedule), ours),
        (keras.optimizers.Adam(schedule), theirs),
    ):
        optimizer.build([variable])
        for _ in range(4):
            optimizer.apply([rows], [variable])
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    np.testing.assert_array_equal(ours[0], 1)


def test_comes_back_from_its_configuration():
    optimizer = FusedAdam(0.2, weight_decay=0.1, beta_1=0.4, beta_2=0.9, epsilon=1e-3, name="mine")
    rebuilt = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(rebuilt, FusedAdam) and rebuilt.get_config() == optimizer.get_config()


def test_a_step_has_one_fused_operation_per_variable():
    variables = [keras.Variable(np.ones((3, 2))), keras.Variable(np.ones(4))]
    optimizer = FusedAdam(0.1)
    optimizer.build(variables)

    @tf.function
    def step():
        optimizer.apply([tf.ones((3, 2)), tf.ones(4)], variables)

    kinds = [each.type for each in step.get_concrete_function().graph.get_operations()]
    assert kinds.count("ResourceApplyAdam") == len(variables)
    assert not {"Sqrt", "RealDiv", "AssignSubVariableOp"} & set(kinds)
