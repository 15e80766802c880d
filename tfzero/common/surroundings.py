"""What lies around a process and changes numbers: its environment, and settings of libraries.

A study gives the same numbers whatever a notebook has set before it. Five kinds of settings:

- Variables that TensorFlow and Keras read when they load: processes that tfzero starts do not get
  them, and its commands drop them (`drop_foreign_variables`).
- Settings of Keras, TensorFlow, scikit-learn and NumPy that can be changed at any time: fixed while
  tfzero works, and put back afterwards (`own_settings`).
- Settings that a process keeps until it ends, as its threads: jobs of a study then run in a process
  beside the calling one (`tfzero.study.work.process.why_unfit`).
- Whether Keras may run code in files, which changes no number: workers are told
  (`trusts_files`).
- Variables that numerical libraries read when they load: part of the plan (`processor_variables`).
  Where they changed since tfzero was imported, jobs run in a process beside the calling one, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

from tfzero.common.checks import InputError
from tfzero.common.gpus import VISIBLE

BACKEND = "tensorflow"
# What TensorFlow, its compiler and its kernels, and Keras read.
_FOREIGN = ("TF_", "XLA_", "ONEDNN_", "DNNL_", "KERAS_")
# These change no number: logs, places, clusters. GPUs and threads have rules of their own.
_HARMLESS = (
    "TF_CPP_",
    "TF_CONFIG",
    "TF_CUDA",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_GPU_",
    "TF_NUM_",
    "TF_USE_LEGACY_KERAS",
    "KERAS_HOME",
)
# Terraform's begin alike; some hold secrets.
_TERRAFORM = (
    "TF_CLI_",
    "TF_DATA_DIR",
    "TF_INPUT",
    "TF_IN_AUTOMATION",
    "TF_IGNORE",
    "TF_LOG",
    "TF_PLUGIN",
    "TF_REATTACH",
    "TF_REGISTRY",
    "TF_STATE",
    "TF_TOKEN",
    "TF_VAR_",
    "TF_WORKSPACE",
)
# What NumPy and the libraries of linear algebra read to choose their kernels.
_PROCESSOR = ("MKL_CBWR", "NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE")
_KERAS_DEFAULTS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
# What processes that tfzero starts, and its commands, run with. They see no GPU until they get one
# (`show_gpu`). TensorFlow's log level is a person's own to change.
OWN_VARIABLES = {"KERAS_BACKEND": BACKEND, VISIBLE: "-1"}
_QUIET = ("TF_CPP_MIN_LOG_LEVEL", "3")
_is_own = False
# The GPUs that a person let this process see, before it became one of tfzero's own.
_asked_visible: str | None = None
# What this process sees of the GPUs, where that differs.
_shown: dict[str, str] = {}
# What networks can be trained in: dtype policies of Keras whose weights are float32.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def processor_variables() -> dict[str, str]:
    """Returns the variables by which the numerical libraries of a new worker choose kernels."""
    return {name: os.environ[name] for name in _PROCESSOR if os.environ.get(name)}


# Libraries of this process may have loaded with these.
_AT_START = processor_variables()


def changed_processor_variables() -> list[str]:
    """Returns which of these variables changed since tfzero was imported.

    Nobody can tell whether this process's libraries loaded before the change or after it.
    """
    now = processor_variables()
    return [name for name in _PROCESSOR if now.get(name) != _AT_START.get(name)]


def foreign_variables(environment: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """Returns the variables of an environment that would change numbers.

    Args:
        environment: None takes this process's.
    """
    environment = os.environ if environment is None else environment
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_FOREIGN)
        and not name.startswith(_HARMLESS + _TERRAFORM)
        and OWN_VARIABLES.get(name) != value
    }


def drop_foreign_variables(environment: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """Makes an environment what tfzero's own processes run with; returns what was dropped.

    It has no effect on libraries that are loaded.

    Args:
        environment: None takes this process's.
    """
    environment = os.environ if environment is None else environment
    dropped = foreign_variables(environment)
    for name in dropped:
        del environment[name]
    environment.update({**OWN_VARIABLES, **_shown})
    environment.setdefault(*_QUIET)
    return dropped


def show_gpu(uuid: str) -> None:
    """Lets this process, one of tfzero's own, see one GPU, before TensorFlow loads."""
    _shown[VISIBLE] = uuid
    os.environ[VISIBLE] = uuid


def own_process() -> dict[str, str]:
    """Makes this process one of tfzero's own, before TensorFlow loads; returns what was dropped."""
    global _is_own, _asked_visible
    if not _is_own:
        _asked_visible = os.environ.get(VISIBLE)
    _is_own = True
    return drop_foreign_variables()


def asked_visible() -> str | None:
    """Returns what a person set `CUDA_VISIBLE_DEVICES` to; None if to nothing."""
    return _asked_visible if _is_own else os.environ.get(VISIBLE)


def is_own_process() -> bool:
    """Returns whether nobody but tfzero uses this process, as a command's or a worker's."""
    return _is_own


def describe_dropped(dropped: dict[str, str]) -> str:
    """Returns a sentence on variables that tfzero does not use, without their values."""
    return (
        "Environment variables that tfzero ignores, because they would change results: "
        f"{', '.join(dropped)}."
    )


def choose_backend() -> None:
    """Has Keras run on TensorFlow, where it is not loaded yet.

    Raises:
        InputError: If it is loaded with another backend.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = BACKEND
        return
    import keras

    config = getattr(keras, "config", None)  # None while Keras itself is being imported
    if config is not None and config.backend() != BACKEND:
        raise InputError(
            f"Keras runs on {config.backend()} in this process; expected {BACKEND}. Import tfzero "
            f"before keras, or set the environment variable KERAS_BACKEND={BACKEND}."
        )


def trusts_files() -> bool:
    """Returns whether somebody let Keras run code that `.keras` files hold, as Lambda layers do."""
    if "keras" not in sys.modules:
        return False
    # The public `keras.config.enable_unsafe_deserialization` sets it, and nothing public tells.
    from keras.src.saving.serialization_lib import in_safe_mode

    return in_safe_mode() is False


@contextlib.contextmanager
def trusting_files(trusted: bool) -> Iterator[None]:
    """Lets Keras run code of `.keras` files until the block ends, where a person allowed it.

    Args:
        trusted: What `trusts_files` said in the process of that person.
    """
    from keras.src.saving.serialization_lib import SafeModeScope

    with SafeModeScope(False) if trusted else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def own_settings(precision: str | None = None) -> Iterator[None]:
    """Fixes until the block ends what a person can set in the libraries and what changes numbers.

    Libraries that are not loaded are not loaded for it, unless Keras's file of settings or the
    precision asks for others than its defaults.

    Args:
        precision: The dtype policy of the layers that are built meanwhile, one of `PRECISIONS`.
            None keeps the one that is set; if that is no such policy, it is float32.
    """
    import numpy as np

    with contextlib.ExitStack() as stack:
        stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        if "sklearn" in sys.modules:
            stack.enter_context(_sklearn_settings())
        is_mixed = precision not in (None, PRECISIONS[0])
        if "keras" in sys.modules or is_mixed or _keras_file_differs():
            stack.enter_context(_keras_settings(precision))
            stack.enter_context(_tensorflow_settings())
        yield


@contextlib.contextmanager
def _sklearn_settings() -> Iterator[None]:
    import sklearn

    with sklearn.config_context(
        assume_finite=False,
        working_memory=1024,
        array_api_dispatch=False,
        transform_output="default",
        enable_metadata_routing=False,
        skip_parameter_validation=False,
    ):
        yield


def _keras_file() -> pathlib.Path:
    """Returns where Keras keeps a person's settings; the place is Keras's own rule."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        base = pathlib.Path.home()
        home = (base if os.access(base, os.W_OK) else pathlib.Path("/tmp")) / ".keras"
    return pathlib.Path(home) / "keras.json"


def _read_keras_file() -> dict[str, Any]:
    try:
        found = json.loads(_keras_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # Keras goes by its defaults then
    return found if isinstance(found, dict) else {"floatx": found}


def _keras_file_differs() -> bool:
    found = _read_keras_file()
    return any(found.get(name, value) != value for name, value in _KERAS_DEFAULTS.items())


def check_keras_file() -> None:
    """Refuses a file of settings with which Keras cannot be loaded.

    Raises:
        InputError: If a value is none that Keras takes.
    """
    found = {**_KERAS_DEFAULTS, **_read_keras_file()}
    takes = {
        "floatx": found["floatx"] in ("float16", "float32", "float64"),
        "epsilon": isinstance(found["epsilon"], float),
        "image_data_format": found["image_data_format"] in ("channels_last", "channels_first"),
    }
    for name, is_taken in takes.items():
        if not is_taken:
            raise InputError(
                f"{_keras_file()} sets {name} to {found[name]!r}; expected a value that "
                f"Keras accepts, for example {_KERAS_DEFAULTS[name]!r}. Correct that file, "
                "or remove it; Keras then writes one with its defaults."
            )


@contextlib.contextmanager
def _keras_settings(precision: str | None) -> Iterator[None]:
    import keras

    config = keras.config
    policy = precision or config.dtype_policy().name
    kept = (
        (config.floatx, config.set_floatx, "float32"),
        (config.epsilon, config.set_epsilon, 1e-7),
        (config.image_data_format, config.set_image_data_format, "channels_last"),
        (config.max_epochs, config.set_max_epochs, None),
        (config.max_steps_per_epoch, config.set_max_steps_per_epoch, None),
        # After floatx, which it follows where nobody set it.
        (
            config.dtype_policy,
            config.set_dtype_policy,
            policy if policy in PRECISIONS else PRECISIONS[0],
        ),
    )
    before = [read() for read, _, _ in kept]
    for _, write, value in kept:
        write(value)
    try:
        yield
    finally:
        for (_, write, _), value in zip(kept, before, strict=True):
            write(value)


@contextlib.contextmanager
def _tensorflow_settings() -> Iterator[None]:
    """Fixes how TensorFlow runs functions: compiled, and not by XLA.

    The graph pass that fuses convolutions with what follows them is off. It cost a quarter of each
    step of an earlier network, and gains nothing on this one (measured on TensorFlow 2.21).
    """
    import tensorflow as tf

    optimizer = tf.config.optimizer
    options, jit = optimizer.get_experimental_options(), optimizer.get_jit()
    own = {**_defaults(options), "remapping": False}
    changed = {name for name in own if options.get(name) != own[name]}
    if changed:
        optimizer.set_experimental_options(own)
    if jit:
        optimizer.set_jit(False)
    try:
        yield
    finally:
        if changed:
            optimizer.set_experimental_options({**_defaults(own), **options})
        if jit:
            optimizer.set_jit(jit)


def _defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Returns what unsets options: None, which TensorFlow does not take for those that disable."""
    return {name: False if name.startswith("disable_") else None for name in options}
