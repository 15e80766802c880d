"""Sends requests to MLServer with NVIDIA's client for its protocol; runs where that is installed.

Usage: python mlserver_client.py ADDRESS REQUESTS.json REPEATS SERVER_PROCESS
Prints JSON: what each request got, and the server's resident bytes before and after the repeats.
"""

import base64
import json
import pathlib
import sys

import numpy as np
import tritonclient.grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


def read_value(request):
    if "files" in request:
        return np.array([base64.b64decode(file) for file in request["files"]], object)
    return np.array(request["value"], request["dtype"]).reshape(request["shape"])


def send(client, request):
    value = read_value(request)
    entry = tritonclient.grpc.InferInput(
        request["input"], list(value.shape), np_to_triton_dtype(value.dtype)
    )
    entry.set_data_from_numpy(value)
    parameters = {"signature_name": request["signature"]} if request["signature"] else None
    try:
        result = client.infer("shoes", [entry], parameters=parameters)
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    answer = {name: result.as_numpy(name) for name in ("scores", "class_id", "label")}
    answer["label"] = np.array([label.decode() for label in answer["label"]])
    return {name: value.tolist() for name, value in answer.items()}


def resident_bytes(process):
    return 4096 * int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])


def main(address, file, repeats, process):
    client = tritonclient.grpc.InferenceServerClient(address)
    requests = json.loads(pathlib.Path(file).read_text())
    answers = {name: send(client, request) for name, request in requests.items()}
    bad = [requests[name] for name, answer in answers.items() if "status" in answer]
    for number in range(len(bad) * 40):  # until buffers have their size
        send(client, bad[number % len(bad)])
    before = resident_bytes(process)
    for number in range(int(repeats)):
        send(client, bad[number % len(bad)])
    after = resident_bytes(process)
    again = send(client, next(iter(requests.values())))
    print(json.dumps({"answers": answers, "again": again, "before": before, "after": after}))


if __name__ == "__main__":
    main(*sys.argv[1:])
