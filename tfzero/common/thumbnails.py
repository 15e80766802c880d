"""Small pictures inside a page: of arrays and of Pillow's images, as `data:` addresses."""

from __future__ import annotations

import base64
import io
import os

import numpy as np
from PIL import Image, ImageOps

# Pixels of a picture's longer side on a page: small ones are enlarged, large ones reduced.
_SMALLEST_SIDE, _LARGEST_SIDE = 72, 128
# Of colour nobody sees the difference, and it is a tenth of the size.
_QUALITY = 85
# Of files that need no scaling of their values to be seen.
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


def encode_thumbnail(pixels: np.ndarray | Image.Image) -> str:
    """Returns a picture as a `data:` address, small ones enlarged so that pixels stay sharp.

    Args:
        pixels: uint8 array of shape `(H, W, C)`, of which one channel is shown unless C is 3; or
            an image of mode "L" or "RGB".

    Returns:
        A PNG if it is gray or enlarged, else a WebP.
    """
    image = pixels if isinstance(pixels, Image.Image) else _to_image(np.asarray(pixels))
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    factor = max(1, -(-_SMALLEST_SIDE // max(image.size)))
    enlarged = (image.width * factor, image.height * factor)
    image = image.resize(enlarged, Image.Resampling.NEAREST)
    is_sharp = image.mode == "L" or factor > 1
    stream, kind = io.BytesIO(), "png" if is_sharp else "webp"
    image.save(stream, kind.upper(), quality=_QUALITY)
    return to_address(stream.getvalue(), f"image/{kind}")


def encode_image_file(path: str | os.PathLike[str]) -> str:
    """Returns the picture in a file, upright, as a `data:` address; "" if Pillow cannot show it."""
    try:
        with Image.open(path) as image:
            if image.mode not in _MODES:
                return ""
            image.draft("RGB", (2 * _LARGEST_SIDE, 2 * _LARGEST_SIDE))
            upright = ImageOps.exif_transpose(image)
            gray = upright.mode in ("1", "L", "LA")
            return encode_thumbnail(upright.convert("L" if gray else "RGB"))
    except (OSError, ValueError, SyntaxError):  # of Pillow, by what is wrong with the file
        return ""


def to_address(content: bytes, kind: str) -> str:
    """Returns bytes as a `data:` address of a kind such as "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _to_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
