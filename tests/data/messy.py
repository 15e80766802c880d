"""A folder as people really have it: 500 own-made images and what goes wrong among them.

Run it to look at one: python -m tests.data.messy FOLDER
"""

import os
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("cirkel", "kvadrat", "四角形")
LONG_NAME = "l" * 196 + ".png"  # 200 characters


def draw(kind, number):
    """Draws one of three shapes at a random place, size and colour on noise."""
    random = np.random.default_rng([CLASSES.index(kind), number])
    noise = random.integers(0, 90, (40, 48, 3), np.uint8)
    image = Image.fromarray(noise)
    pen = ImageDraw.Draw(image)
    side = int(random.integers(14, 26))
    left, top = (int(random.integers(2, limit - side)) for limit in (46, 38))
    box = (left, top, left + side, top + side)
    color = tuple(int(value) for value in random.integers(140, 256, 3))
    if kind == CLASSES[0]:
        pen.ellipse(box, fill=color)
    elif kind == CLASSES[1]:
        pen.rectangle(box, fill=color)
    else:
        pen.line((left, top, left + side, top + side), fill=color, width=6)
        pen.line((left, top + side, left + side, top), fill=color, width=6)
    return image


def make_messy(folder):
    """Writes train/ and test/ with 500 image files in all, broken ones and a link included.

    Returns:
        What is wrong, by the name of the finding that has to say so.
    """
    for part, count in (("train", 115), ("test", 48)):
        for kind in CLASSES:
            (folder / part / kind).mkdir(parents=True)
            for number in range(count):
                drawn = draw(kind, number + (1000 if part == "test" else 0))
                _save(drawn, folder / part / kind, number)
    train, test = folder / "train", folder / "test"
    cirkel = train / CLASSES[0]
    # 489 so far. Five broken files:
    _broken(train)
    # Duplicates within training, one under an own name, and one nearly equal:
    shutil.copy(cirkel / "000.png", cirkel / LONG_NAME)
    shutil.copy(cirkel / "000.png", cirkel / "été 图片.png")
    draw(CLASSES[0], 0).resize((96, 80)).save(cirkel / "larger.png")
    # A leak, a link, and a class of one:
    shutil.copy(test / CLASSES[1] / "000.png", train / CLASSES[1] / "leak.png")
    (train / CLASSES[1] / "link.png").symlink_to(train / CLASSES[1] / "001.jpg")
    for number, part in enumerate((train, test), 5000):
        (part / "single").mkdir()
        draw(CLASSES[0], number).save(part / "single" / "one.png")
    (train / CLASSES[2] / "114.png").unlink()  # 500 is a round number.
    # No images: hidden, a note, a folder inside a class.
    (train / ".hidden.png").write_bytes(b"")
    (cirkel / ".DS_Store").write_bytes(b"\0")
    (train / CLASSES[1] / "notes.txt").write_text("keep")
    (cirkel / "old").mkdir()
    return {"broken": 5, "leaks": 1}


def _save(image, folder, number):
    """Saves one image in one of the many ways that images are saved."""
    path = folder / f"{number:03}"
    gray = image.convert("L")
    exif = Image.Exif()
    exif[0x112] = 6
    ways = [
        lambda: image.save(f"{path}.png"),
        lambda: image.save(f"{path}.jpg", quality=90),
        lambda: image.rotate(90, expand=True).save(f"{path}.jpeg", exif=exif),
        lambda: image.save(f"{path}.bmp"),
        lambda: image.quantize(64).save(f"{path}.gif"),
        lambda: image.save(f"{path}.webp"),
        lambda: image.save(f"{path}.tif"),
        lambda: Image.fromarray(np.asarray(gray).astype(np.uint16) * 257).save(f"{path}.PNG"),
        lambda: gray.convert("1").save(f"{path}.png"),
        lambda: image.quantize(200).save(f"{path}.png"),
        lambda: image.convert("RGBA").save(f"{path}.png"),
        lambda: image.convert("CMYK").save(f"{path}.jpg"),
        lambda: image.quantize(32).save(
            f"{path}.gif", save_all=True, append_images=[image.quantize(32)]
        ),
    ]
    ways[number % len(ways)]()


def _broken(train):
    folder = train / CLASSES[2]
    whole = (folder / "000.png").read_bytes()
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("<html>404 Not Found</html>")
    (folder / "noise.gif").write_bytes(b"GIF89a" + bytes(range(200)))
    (folder / "bomb.png").write_bytes(make_bomb(50_000))


def make_bomb(side):
    """Returns a small PNG that claims to have `side` times `side` pixels."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress(b"\0" * 1000, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    make_messy(Path(sys.argv[1]))
    print(sum(len(files) for _, _, files in os.walk(sys.argv[1])), "files")
