"""TensorFlow Serving's own messages, sent to a double of the server."""

from __future__ import annotations

import gc
import pathlib
import re

import grpc
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.export.conftest import CLASS_NAMES, SHAPE, build_model, encode
from tests.export.serving_double import serve
from tests.export.test_graph import picture, png_bomb
from tfzero.export import export_savedmodel

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def base(version, tmp_path_factory):
    """Two versions of one model: the second has other weights."""
    base = tmp_path_factory.mktemp("served") / "shoes"
    for seed in (0, 1):
        export_savedmodel(build_model(seed), base, class_names=CLASS_NAMES)
    return base


@pytest.fixture(scope="module")
def double(base):
    with serve(base) as (service, address), grpc.insecure_channel(address) as channel:
        yield service, prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def predict(double):
    """Sends one input; returns the outputs as arrays."""
    _, stub = double

    def send(value, signature="", *, key=None, version=1, name="shoes", outputs=()):
        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.name = name
        request.model_spec.signature_name = signature
        if version:
            request.model_spec.version.value = version
        key = key or ("image_bytes" if signature == "serving_bytes" else "image")
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        response = stub.Predict(request)
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    return send


def test_the_server_s_own_messages_replay_the_warmup(double):
    service, _ = double
    assert {number: model.warmed_up for number, model in service.models.items()} == {1: 8, 2: 8}


@pytest.mark.parametrize("signature", ["", "serving_default", "serving_float", "serving_bytes"])
def test_scores_and_labels_arrive(predict, images, expected, signature):
    value = {
        "serving_float": images.astype(np.float32) / 255,
        "serving_bytes": [encode(image[..., 0]) for image in images],
    }.get(signature, images)
    found = predict(value, signature)
    np.testing.assert_allclose(found["scores"], expected, atol=1e-5)
    np.testing.assert_array_equal(found["class_id"], expected.argmax(axis=1))
    labels = [label.decode() for label in found["label"]]
    assert labels == [CLASS_NAMES[k] for k in expected.argmax(axis=1)]


def test_features_arrive(predict, images, model):
    found = predict(images, "features")["features"]
    wanted = model.encoder(tf.constant(images.astype(np.float32) / 255), training=False)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_versions_and_a_filter_of_outputs(predict, images, expected):
    newest = predict(images, version=None, outputs=["scores"])
    assert list(newest) == ["scores"]
    other = build_model(1)(tf.constant(images.astype(np.float32) / 255), training=False)
    np.testing.assert_allclose(newest["scores"], other, atol=1e-5)
    assert np.abs(newest["scores"] - expected).max() > 0.01


def test_the_request_in_the_documentation_works(base, images, expected, tmp_path, monkeypatch):
    text = (pathlib.Path(__file__).parents[2] / "docs/guides/serving.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.png").write_bytes(encode(images[0, ..., 0]))
    with serve(base) as (_, address):
        names = {}
        exec(code.replace("127.0.0.1:8500", address).replace('"digits"', '"shoes"'), names)
        names["channel"].close()
    np.testing.assert_allclose(names["scores"], expected[:1], atol=1e-5)
    assert names["label"] == CLASS_NAMES[expected[0].argmax()]


def bad_requests():
    """Everything that a stranger may send: arguments of `predict`, status and message."""
    gray, good = picture()[..., 0], np.zeros((2, *SHAPE), np.uint8)
    cmyk = encode(PIL.Image.fromarray(picture()).convert("CMYK"), "JPEG")
    files = {
        "truncated PNG": ([encode(gray)[:200]], "PNG"),
        "GIF": ([encode(gray, "GIF")], "neither PNG nor JPEG.*Convert it first"),
        "CMYK JPEG": ([cmyk], "CMYK JPEG.*expected gray or RGB"),
        "bomb": ([png_bomb(20_000)], "20000x20000 pixels; expected at most 50000000"),
        "no file": (np.array([], object), "The batch is empty"),
        "one bad of two": ([encode(gray), b"x"], "neither PNG nor JPEG"),
    }
    others = {
        "wrong shape": ((good[:, :, :5],), {}, r"\[2,12,5,1\] is not compatible"),
        "one image without batch": ((good[0],), {}, "not compatible"),
        "wrong type": ((good.astype(np.float32),), {}, "to be uint8 but float32"),
        "floats of 255": ((good.astype(np.float32) + 255, "serving_float"), {}, r"outside 0\.\.1"),
        "empty batch": ((good[:0],), {}, "The batch is empty"),
        "unknown input": ((good,), {"key": "picture"}, r"picture.*expected to be.*\{image\}"),
        "unknown output": ((good,), {"outputs": ["logits"]}, "output tensor alias.*logits"),
        "unknown signature": ((good, "predict"), {}, 'signature key "predict" not found'),
        "unknown model": ((good,), {"name": "hats"}, r"Specific\(hats, 1\)"),
        "unknown version": ((good,), {"version": 7}, r"Specific\(shoes, 7\)"),
    }
    sent = {name: ((value, "serving_bytes"), {}, m) for name, (value, m) in files.items()}
    return {**sent, **others}


STATUS = {
    "unknown signature": grpc.StatusCode.FAILED_PRECONDITION,
    "unknown model": grpc.StatusCode.NOT_FOUND,
    "unknown version": grpc.StatusCode.NOT_FOUND,
}
BAD = bad_requests()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_told_what_is_wrong_and_the_next_is_served(
    predict, images, expected, name
):
    arguments, options, message = BAD[name]
    with pytest.raises(grpc.RpcError) as caught:
        predict(*arguments, **options)
    assert caught.value.code() == STATUS.get(name, grpc.StatusCode.INVALID_ARGUMENT)
    assert re.search(message, caught.value.details(), re.DOTALL), caught.value.details()
    np.testing.assert_allclose(predict(images)["scores"], expected, atol=1e-5)


def resident_bytes():
    gc.collect()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
def test_ten_thousand_bad_requests_leave_no_memory_behind(predict, images, expected):
    requests = list(BAD.values())

    def send(count):
        for number in range(count):
            arguments, options, _ = requests[number % len(requests)]
            with pytest.raises(grpc.RpcError):
                predict(*arguments, **options)

    send(1_000)  # until buffers have their size
    before = resident_bytes()
    send(10_000)
    growth = resident_bytes() - before
    print(f"10,000 bad requests: resident memory grew by {growth / 2**20:.1f} MiB")
    assert growth < 16 * 2**20
    np.testing.assert_allclose(predict(images)["scores"], expected, atol=1e-5)
