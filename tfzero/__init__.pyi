"""The public names of this package, each imported when it is first used."""

from .common.checks import InputError as InputError
from .data import ImageData as ImageData
from .data import from_arrays as from_arrays
from .data import from_dataset as from_dataset
from .data import load_data as load_data
from .export import convert_savedmodel as convert_savedmodel
from .export import export_encoder as export_encoder
from .export import export_generator as export_generator
from .export import export_savedmodel as export_savedmodel
from .export import predict_files as predict_files
from .export import verify_savedmodel as verify_savedmodel
from .jobs.compare import compare as compare
from .jobs.load import load_model as load_model
from .jobs.study import Study as Study
from .jobs.suggest import Suggestions as Suggestions
from .jobs.suggest import suggest as suggest
from .networks.encoder import build_encoder as build_encoder
from .networks.public import build_public_encoder as build_public_encoder
from .pretrain.alarms import Alarms as Alarms
from .pretrain.denoising import Denoising as Denoising
from .pretrain.distillation import Distillation as Distillation
from .pretrain.gan import GAN as GAN
from .pretrain.probe import ProbeCallback as ProbeCallback
from .pretrain.rotation import Rotation as Rotation
from .pretrain.simclr import SimCLR as SimCLR
from .pretrain.vae import VAE as VAE
from .report import write_report as write_report
from .transfer import fit_classifier as fit_classifier
from .transfer.budget import Budget as Budget
from .transfer.classifier import Classifier as Classifier
from .transfer.estimate import estimate_transfer as estimate_transfer
from .transfer.stopping import StopAt as StopAt

__version__: str
