import json
import subprocess
import sys

import pytest

from tfzero.pretrain import METHODS
from tfzero.transfer import STRATEGIES

# Operations that TensorFlow 2.21 refuses on a GPU in deterministic mode, or that draw without a
# seed. Its own documentation of `enable_op_determinism` tells of the second; the first are those of
# its kernels that ask `OpDeterminismRequired` and raise.
REFUSED = {
    "AdjustContrast",
    "AdjustContrastv2",
    "CropAndResizeGradBoxes",
    "CropAndResizeGradImage",
    "CTCLossV2",
    "Dilation2DBackpropFilter",
    "Dilation2DBackpropInput",
    "FakeQuantWithMinMaxVarsPerChannelGradient",
    "FusedBatchNormGradV3, training=False",
    "MaxPoolGradWithArgmax",
    "ResizeNearestNeighborGrad",
    "SparseTensorDenseMatMul",
    "Timestamp",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
}


@pytest.mark.slow
def test_every_method_and_strategy_trains_deterministically_and_can_on_a_gpu():
    command = [sys.executable, "-m", "tests.field.op_determinism"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["equal"] == dict.fromkeys([*METHODS, *STRATEGIES], True)
    assert "Conv2DBackpropFilter" in found["operations"]  # it looks at gradients, too
    assert REFUSED.isdisjoint(found["operations"])
