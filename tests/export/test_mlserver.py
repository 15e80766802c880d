"""The adapter in examples/mlserver, in the real server, asked by the protocol's own client.

Installs MLServer, TensorFlow and tritonclient from the index that pip is set to, about 1 GB, in an
environment of their own: MLServer wants an older protobuf. Run: pytest -m slow -k mlserver
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from tests.export.conftest import CLASS_NAMES, encode
from tests.export.test_serving_protocol import BAD

REPOSITORY = pathlib.Path(__file__).parents[2]
CLIENT = pathlib.Path(__file__).with_name("mlserver_client.py")
PACKAGES = ["mlserver==1.7.1", "tensorflow-cpu==2.21.0", "tritonclient[grpc]"]
REPEATS = 10_000
# What is TensorFlow Serving's alone: filters of outputs, and its words for a missing model.
NOT_HERE = {"unknown output", "unknown model", "unknown version"}
OTHER_WORDS = {
    "wrong shape": r"Cannot feed value of shape \(2, 12, 5, 1\) .*has shape \(None, 12, 9, 1\)",
    "one image without batch": r"Cannot feed value of shape \(12, 9, 1\)",
    "wrong type": '"image" is FP32; expected UINT8',
    "unknown input": 'Inputs are "picture"; serving_default takes one, "image"',
    "unknown signature": 'Unknown signature "predict". Known: features',
}

# What this process can import must not reach the other environment.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

pytestmark = pytest.mark.slow


def describe(value, signature="", *, key=None):
    """Returns a request as JSON."""
    name = key or ("image_bytes" if signature == "serving_bytes" else "image")
    request = {"input": name, "signature": signature}
    if signature == "serving_bytes":
        return {**request, "files": [base64.b64encode(file).decode() for file in value]}
    shape = list(value.shape)
    return {**request, "value": value.ravel().tolist(), "dtype": value.dtype.name, "shape": shape}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    environment = tmp_path_factory.mktemp("mlserver") / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = [environment / "bin/python", "-m", "pip", "install", "-q", *PACKAGES]
    subprocess.run(install, check=True, env=ENVIRONMENT)
    return environment / "bin"


@pytest.fixture(scope="module")
def server(binaries, version, tmp_path_factory):
    """Yields process, REST address and gRPC address of a running server."""
    folder = tmp_path_factory.mktemp("settings")
    shutil.copy(REPOSITORY / "examples/mlserver/runtime.py", folder)
    settings = json.loads((REPOSITORY / "examples/mlserver/settings.json").read_text())
    settings |= {"http_port": free_port(), "grpc_port": free_port()}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = json.loads((REPOSITORY / "examples/mlserver/model-settings.json").read_text())
    model |= {"name": "shoes", "parameters": {"uri": str(version), "version": "1"}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen(
            [binaries / "mlserver", "start", "."],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT,
        )
    rest = f"http://127.0.0.1:{settings['http_port']}/v2/models/shoes"
    try:
        wait_until_ready(process, rest, folder / "log.txt")
        yield process, rest, f"127.0.0.1:{settings['grpc_port']}"
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(process, rest, log):
    for _ in range(120):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{rest}/ready"):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(log.read_text())


def test_mlserver_answers_alike_and_outlives_bad_requests(
    binaries, server, images, expected, tmp_path
):
    process, _, address = server
    encoded = [encode(image[..., 0]) for image in images]
    good = {
        "pixels": describe(images),
        "floats": describe(images.astype(np.float32) / 255, "serving_float"),
        "files": describe(encoded, "serving_bytes"),
    }
    bad = {
        name: describe(*arguments, **options)
        for name, (arguments, options, _) in BAD.items()
        if name not in NOT_HERE
    }
    (tmp_path / "requests.json").write_text(json.dumps(good | bad))
    command = [binaries / "python", CLIENT, address, tmp_path / "requests.json"]
    finished = subprocess.run(
        [*map(str, command), str(REPEATS), str(process.pid)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    for answer in [*(found["answers"][name] for name in good), found["again"]]:
        np.testing.assert_allclose(answer["scores"], expected, atol=1e-5)
        assert answer["class_id"] == expected.argmax(axis=1).tolist()
        assert answer["label"] == [CLASS_NAMES[k] for k in expected.argmax(axis=1)]
    for name in bad:
        answer = found["answers"][name]
        assert answer["status"] == "StatusCode.INVALID_ARGUMENT", (name, answer)
        wanted = OTHER_WORDS.get(name) or BAD[name][2]
        assert re.search(wanted, answer["message"]), (name, answer["message"])
    growth = (found["after"] - found["before"]) / 2**20
    print(f"{REPEATS} bad requests: the server grew by {growth:.1f} MiB")
    assert growth < 16


def test_mlserver_answers_rest(server, images, expected):
    _, rest, _ = server
    content = base64.b64encode(encode(images[0, ..., 0])).decode()
    tensor = {"name": "image_bytes", "shape": [1], "datatype": "BYTES", "data": [content]}
    body = {"parameters": {"signature_name": "serving_bytes"}, "inputs": [tensor]}
    request = urllib.request.Request(
        f"{rest}/infer", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        outputs = {output["name"]: output for output in json.load(response)["outputs"]}
    np.testing.assert_allclose(outputs["scores"]["data"], expected[0], atol=1e-5)
    assert outputs["label"]["data"] == [CLASS_NAMES[expected[0].argmax()]]
    assert outputs["label"]["shape"] == [1]
