"""tfzero: is unsupervised pretraining worth it on your images?

Importing this package imports neither TensorFlow nor Keras; using a name does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfzero.common.surroundings import choose_backend
from tfzero.common.version import __version__ as __version__

if TYPE_CHECKING:
    from tfzero.common.checks import InputError
    from tfzero.data import ImageData, from_arrays, from_dataset, load_data
    from tfzero.export import (
        convert_savedmodel,
        export_encoder,
        export_generator,
        export_savedmodel,
        predict_files,
        verify_savedmodel,
    )
    from tfzero.jobs.compare import compare
    from tfzero.jobs.load import load_model
    from tfzero.jobs.study import Study
    from tfzero.jobs.suggest import Suggestions, suggest
    from tfzero.networks.encoder import build_encoder
    from tfzero.networks.public import build_public_encoder
    from tfzero.pretrain.alarms import Alarms
    from tfzero.pretrain.denoising import Denoising
    from tfzero.pretrain.distillation import Distillation
    from tfzero.pretrain.gan import GAN
    from tfzero.pretrain.probe import ProbeCallback
    from tfzero.pretrain.rotation import Rotation
    from tfzero.pretrain.simclr import SimCLR
    from tfzero.pretrain.vae import VAE
    from tfzero.report import write_report
    from tfzero.transfer import Budget, fit_classifier
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.estimate import estimate_transfer
    from tfzero.transfer.stopping import StopAt

choose_backend()

_PLACES = {
    "Alarms": "tfzero.pretrain.alarms",
    "Budget": "tfzero.transfer.budget",
    "Classifier": "tfzero.transfer.classifier",
    "Denoising": "tfzero.pretrain.denoising",
    "Distillation": "tfzero.pretrain.distillation",
    "GAN": "tfzero.pretrain.gan",
    "ImageData": "tfzero.data",
    "InputError": "tfzero.common.checks",
    "ProbeCallback": "tfzero.pretrain.probe",
    "Rotation": "tfzero.pretrain.rotation",
    "SimCLR": "tfzero.pretrain.simclr",
    "StopAt": "tfzero.transfer.stopping",
    "Study": "tfzero.jobs.study",
    "Suggestions": "tfzero.jobs.suggest",
    "VAE": "tfzero.pretrain.vae",
    "build_encoder": "tfzero.networks.encoder",
    "build_public_encoder": "tfzero.networks.public",
    "compare": "tfzero.jobs.compare",
    "convert_savedmodel": "tfzero.export",
    "estimate_transfer": "tfzero.transfer.estimate",
    "export_encoder": "tfzero.export",
    "export_generator": "tfzero.export",
    "export_savedmodel": "tfzero.export",
    "fit_classifier": "tfzero.transfer",
    "from_arrays": "tfzero.data",
    "from_dataset": "tfzero.data",
    "load_data": "tfzero.data",
    "load_model": "tfzero.jobs.load",
    "predict_files": "tfzero.export",
    "suggest": "tfzero.jobs.suggest",
    "verify_savedmodel": "tfzero.export",
    "write_report": "tfzero.report",
}

__all__ = [
    "GAN",
    "SimCLR",
    "VAE",
    "Alarms",
    "Budget",
    "Classifier",
    "Denoising",
    "Distillation",
    "ImageData",
    "InputError",
    "ProbeCallback",
    "Rotation",
    "StopAt",
    "Study",
    "Suggestions",
    "build_encoder",
    "build_public_encoder",
    "compare",
    "convert_savedmodel",
    "estimate_transfer",
    "export_encoder",
    "export_generator",
    "export_savedmodel",
    "fit_classifier",
    "from_arrays",
    "from_dataset",
    "load_data",
    "load_model",
    "predict_files",
    "suggest",
    "verify_savedmodel",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
