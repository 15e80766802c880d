"""An exported model in use without TensorFlow: ONNX Runtime, LiteRT or OpenVINO, and NumPy.

Writes nothing. Needs a file that `tfzero convert` wrote, or the exported folder itself, which
OpenVINO reads; and one of the packages onnxruntime, ai-edge-litert, openvino.

Run: python examples/use_without_tensorflow.py digits-1.onnx images.npy
     python examples/use_without_tensorflow.py digits-1.tflite images.npy
     python examples/use_without_tensorflow.py savedmodels/digits/1 images.npy
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np


def main(*, model: str, images: str) -> dict[str, np.ndarray]:
    """Returns what the model says about the uint8 images `(N, H, W, C)` in an .npy file."""
    pixels = np.load(images)
    read = {".onnx": run_onnx, ".tflite": run_litert}.get(pathlib.Path(model).suffix, run_openvino)
    answer = read(model, pixels)
    # LiteRT gives bytes where the others give text.
    labels = [x.decode() if isinstance(x, bytes) else str(x) for x in answer["label"]]
    for label, scores in zip(labels, answer["scores"], strict=True):
        print(f"{label}, score {scores.max():.3f}")
    return {"scores": answer["scores"], "label": np.array(labels)}


def run_onnx(model: str, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Answers by ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": pixels}), strict=True))


def run_litert(model: str, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Answers by LiteRT, the runtime of phones and small computers."""
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model).get_signature_runner("serving_default")(image=pixels)


def run_openvino(model: str, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Answers by OpenVINO, which reads the exported folder itself (signature serving_default)."""
    import openvino

    # Without this hint, processors that can do so compute in 16 bits: off by 0.002.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", exact)
    return {output.any_name: value for output, value in compiled({"image": pixels}).items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help=".onnx, .tflite or the folder of an exported version")
    parser.add_argument("images", help=".npy of uint8 (N, H, W, C)")
    main(**vars(parser.parse_args()))
