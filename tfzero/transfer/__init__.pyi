"""The public names of this package, each imported when it is first used."""

from .budget import Budget as Budget
from .classifier import Classifier as Classifier
from .fit import fit_classifier as fit_classifier
from .fit import fit_on_features as fit_on_features
from .strategies import STRATEGIES as STRATEGIES
from .strategies import UNLABELED_FROM as UNLABELED_FROM
from .strategies import find_strategy as find_strategy
from .strategies import takes_generated as takes_generated
from .strategies.base import Need as Need
from .strategies.base import Strategy as Strategy
from .strategies.base import Task as Task
