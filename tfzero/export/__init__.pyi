"""The public names of this package, each imported when it is first used."""

from .convert import convert_savedmodel as convert_savedmodel
from .predict import Prediction as Prediction
from .predict import predict_files as predict_files
from .savedmodel import export_encoder as export_encoder
from .savedmodel import export_generator as export_generator
from .savedmodel import export_savedmodel as export_savedmodel
from .verify import verify_savedmodel as verify_savedmodel
