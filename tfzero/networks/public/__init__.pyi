"""The public names of this package, each imported when it is first used."""

from .lite0 import DEFAULT as DEFAULT
from .opening import FAMILIES as FAMILIES
from .opening import PublicEncoder as PublicEncoder
from .opening import build_public_encoder as build_public_encoder
from .opening import is_public as is_public
from .opening import list_forms as list_forms
from .opening import open_public as open_public
from .pixels import PublicPixels as PublicPixels
