"""Serves an exported model with MLServer: REST and gRPC of the Open Inference Protocol.

Needs TensorFlow and MLServer, neither Keras nor tfzero. The commands: docs/guides/serving.md.
"""

from __future__ import annotations

import asyncio

import numpy as np
import tensorflow as tf
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput
from mlserver.utils import get_model_uri


class SavedModelRuntime(MLModel):
    """One version of an exported model, whose folder is `parameters.uri` in the settings.

    A request names its signature in `parameters.signature_name`; without one it gets
    `serving_default`. Encoded images are BYTES: base64 over REST, as they are over gRPC.
    """

    async def load(self) -> bool:
        """Loads the model and runs its first request, which is slow, before it is ready."""
        # A SavedModel is a program: serve only what you trust.
        folder = await get_model_uri(self._settings)
        # A session, as TensorFlow Serving has: the eager runtime of TensorFlow 2.21 loses about
        # 1 KB with every request that fails.
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], folder)
        self._signatures = dict(loaded.signature_def)
        ((name, spec),) = self._signatures["serving_default"].inputs.items()
        shape = [1, *(side.size for side in spec.tensor_shape.dim[1:])]
        self._run("serving_default", name, np.zeros(shape, tf.as_dtype(spec.dtype).as_numpy_dtype))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answers one request; whatever is wrong with it becomes status 400 and a sentence."""
        signature = getattr(payload.parameters, "signature_name", None) or "serving_default"
        # A SavedModel has others for itself, such as __saved_model_init_op.
        known = sorted(name for name in self._signatures if not name.startswith("__"))
        if signature not in known:
            raise InferenceError(f'Unknown signature "{signature}". Known: {", ".join(known)}.')
        ((name, spec),) = self._signatures[signature].inputs.items()
        if [each.name for each in payload.inputs] != [name]:
            arrived = ", ".join(each.name for each in payload.inputs)
            raise InferenceError(f'Inputs are "{arrived}"; {signature} takes one, "{name}".')
        value = _read(payload.inputs[0], tf.as_dtype(spec.dtype))
        try:  # in a thread, so that the server can go on receiving
            outputs = await asyncio.to_thread(self._run, signature, name, value)
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            raise InferenceError(_explain(error)) from error
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[_write(key, output) for key, output in outputs.items()],
        )

    def _run(self, signature: str, name: str, value: np.ndarray) -> dict[str, np.ndarray]:
        found = self._signatures[signature]
        fetches = {key: output.name for key, output in found.outputs.items()}
        return self._session.run(fetches, {found.inputs[name].name: value})


def _read(entry: RequestInput, dtype: tf.DType) -> np.ndarray:
    """Returns an input as an array of the signature's type."""
    wanted = {"string": "BYTES", "uint8": "UINT8", "float32": "FP32"}[dtype.name]
    if entry.datatype != wanted:
        raise InferenceError(f'"{entry.name}" is {entry.datatype}; expected {wanted}.')
    try:
        if wanted == "BYTES":
            return np.array(Base64Codec.decode_input(entry), object)
        return NumpyCodec.decode_input(entry)
    except (TypeError, ValueError) as error:
        raise InferenceError(f'"{entry.name}" of shape {entry.shape}: {error}') from error


def _write(name: str, value: np.ndarray) -> ResponseOutput:
    if value.dtype == object:
        output = StringCodec.encode_output(name, [each.decode("utf-8") for each in value])
    else:
        output = NumpyCodec.encode_output(name, value)
    output.shape = list(value.shape)  # MLServer makes columns (N, 1) of (N,)
    return output


def _explain(error: Exception) -> str:
    """Returns what went wrong, without the place in the graph that TensorFlow puts around it."""
    reason = str(error).partition("[[")[0].strip().splitlines()[-1]
    return reason.removeprefix("assertion failed: [").removesuffix("]")
