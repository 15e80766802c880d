"""A double of TensorFlow Serving: its gRPC service, its messages, its way of loading, its refusals.

The server itself is no Python package. What is imitated is written in its source:
tensorflow_serving/servables/tensorflow/predict_util.cc (refusals, output filter) and
saved_model_warmup_util.cc (a failing warm-up request fails the load).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from tfzero.export import fresh_process, layout


class Refusal(Exception):
    """A request that is answered by a status."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Serves the versions below a folder, as the server does with "all versions" configured."""

    def __init__(self, base):
        self.models = {int(path.name): _Model(path) for path in layout.list_versions(base)}
        self.name = base.name

    def Predict(self, request, context):  # noqa: N802 - the name in the protocol
        try:
            return self._find(request.model_spec).predict(request)
        except Refusal as refusal:
            context.abort(refusal.code, str(refusal))
        except tf.errors.OpError as error:
            code = next(c for c in grpc.StatusCode if c.value[0] == error.error_code)
            context.abort(code, error.message)

    def _find(self, spec):
        version = spec.version.value if spec.HasField("version") else max(self.models)
        if spec.name != self.name or version not in self.models:
            message = f"Servable not found for request: Specific({spec.name}, {version})"
            raise Refusal(grpc.StatusCode.NOT_FOUND, message)
        return self.models[version]


class _Model:
    def __init__(self, path):
        self.version = int(path.name)
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(path))
        self.signatures = loaded.signature_def
        warmup = tf.data.TFRecordDataset(str(path / fresh_process.WARMUP_FILE))
        self.warmed_up = 0
        for record in warmup.as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            self.predict(log.predict_log.request)
            self.warmed_up += 1

    def predict(self, request):
        name = request.model_spec.signature_name or "serving_default"
        if name not in self.signatures:
            message = f'Serving signature key "{name}" not found.'
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, message)
        signature = self.signatures[name]
        feeds = {key: self._read(key, tensor, signature) for key, tensor in request.inputs.items()}
        if len(feeds) != len(signature.inputs):
            message = f"input size does not match signature: {len(feeds)}!={len(signature.inputs)}"
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
        keys = list(request.output_filter) or list(signature.outputs)
        for key in keys:
            if key not in signature.outputs:
                message = f"output tensor alias not found in signature: {key}"
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
        values = self._make_call(name, tuple(feeds), tuple(keys))(*feeds.values())
        response = predict_pb2.PredictResponse()
        response.model_spec.version.value = self.version
        for key, value in zip(keys, values, strict=True):
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response

    @functools.cache  # noqa: B019 - lives as long as the test
    def _make_call(self, name, inputs, outputs):
        """Prepares a call; `run` would look at shapes in Python first, unlike the server."""
        signature = self.signatures[name]
        options = config_pb2.CallableOptions(
            feed=[signature.inputs[key].name for key in inputs],
            fetch=[signature.outputs[key].name for key in outputs],
        )
        return self.session._make_callable_from_options(options)

    def _read(self, key, tensor, signature):
        if key not in signature.inputs:
            expected = ", ".join(signature.inputs)
            message = (
                f"input tensor alias not found in signature: {key}. "
                f"Inputs expected to be in the set {{{expected}}}."
            )
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
        if tensor.dtype != signature.inputs[key].dtype:  # a Python session would convert
            wanted, arrived = (
                tf.dtypes.as_dtype(number).name
                for number in (signature.inputs[key].dtype, tensor.dtype)
            )
            message = f"Expects arg[0] to be {wanted} but {arrived} is provided"
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
        return tf.make_ndarray(tensor)


@contextlib.contextmanager
def serve(base):
    """Yields the service and the address that it listens at, on this machine only."""
    service = PredictionService(base)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
