"""The public names of this package, each imported when it is first used."""

from .figures import accuracy_against_seconds as accuracy_against_seconds
from .figures import attention as attention
from .figures import calibration as calibration
from .figures import class_counts as class_counts
from .figures import confusion as confusion
from .figures import feature_map as feature_map
from .figures import image_grid as image_grid
from .figures import label_efficiency as label_efficiency
from .figures import neighbours as neighbours
from .figures import reconstructions as reconstructions
from .figures import robustness as robustness
from .figures import training_curves as training_curves
from .page import write_report as write_report
