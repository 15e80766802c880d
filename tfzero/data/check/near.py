"""Nearly equal images: one picture that was compressed, resized or brightened anew.

Perceptual hashes of 64 bits were tried and are too coarse for small images: of 20,000 pictures of
Fashion-MNIST, pHash finds 1,679 pairs within two bits, every ninth of two classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfzero.common.numbers import write_number
from tfzero.data.check.findings import (
    MOST_EXAMPLES,
    Example,
    Finding,
    Subject,
    plural,
    stack_rows,
)
from tfzero.data.check.thumbnails import find_details, make_thumbnails
from tfzero.data.memory import MEMORY_SHARE, memory_limit, slices

_COARSE, _FINE = 16, 32  # Pixels a side of the thumbnails that are compared.
# A pair counts if it is so many times as near as an image and its nearest neighbour usually are,
# in coarse and in fine pictures. Chosen by looking at the pairs found: in CIFAR-10 as JPEG files
# all are of one original; Fashion-MNIST has trousers beside, which nobody could tell apart.
_NEARER_COARSE, _NEARER_FINE = 10.0, 3.0
_MOST_APART = 0.3
_SAMPLE, _CORPUS = 300, 20_000
_MOST_IMAGES = 300_000
_MOST_COMPARISONS = 5e9
_BLOCK_NUMBERS = 2**24
_MOST_PAIRS = 200_000


def check_near(subject: Subject) -> tuple[list[Finding], list[str]]:
    """Looks for nearly equal images within and across the parts; equal ones do not count.

    Returns:
        Findings, and what was left out.
    """
    names = list(subject.parts)
    numbers, rows = stack_rows(subject)
    left_out = []
    most = _as_memory_allows(_MOST_IMAGES, _COARSE)
    if len(rows) > most:
        kept = np.sort(_test_first(numbers, names)[:most])
        left_out.append(f"Nearly equal images: {len(kept):,} of {len(rows):,} images were checked.")
        numbers, rows = numbers[kept], rows[kept]
    coarse = _details_of(subject, numbers, rows, _COARSE)
    queries, said = _choose_queries(numbers, names)
    left_out += said
    random = np.random.default_rng(1).permutation(len(rows))
    some = random[: _as_memory_allows(_CORPUS, _FINE)]
    usual = _usually_apart(coarse[some[:_SAMPLE]], coarse)
    pairs = _similar_pairs(coarse, queries, 1 - min(_MOST_APART, usual / _NEARER_COARSE))
    involved, places = np.unique(pairs, return_inverse=True)
    corpus = _details_of(subject, numbers[some], rows[some], _FINE)
    usual = _usually_apart(corpus[:_SAMPLE], corpus)
    del corpus
    fine = _details_of(subject, numbers[involved], rows[involved], _FINE)
    first, second = places.reshape(pairs.shape).T
    likeness = np.einsum("nd,nd->n", fine[first], fine[second])
    near = likeness > 1 - min(_MOST_APART, usual / _NEARER_FINE)
    near &= ~_equal(subject, names, numbers, rows, pairs)
    order = np.flatnonzero(near)[np.argsort(-likeness[near], kind="stable")]
    found = [
        (int(a), int(b), float(s)) for (a, b), s in zip(pairs[order], likeness[order], strict=True)
    ]
    examples = tuple(_examples(subject, names, numbers, rows, found))
    return [_say(names, numbers, found, examples)], left_out


def _as_memory_allows(most: int, side: int) -> int:
    """Returns of how many images the details may be held at once."""
    share = MEMORY_SHARE * memory_limit() / (4 * side**2)
    return max(_SAMPLE, min(most, int(share)))


def _choose_queries(numbers: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Returns the images to compare with all others: test images first, as many as time allows."""
    total = len(numbers)
    most = int(_MOST_COMPARISONS / max(total, 1))
    if total <= most:
        return np.arange(total), []
    return np.sort(_test_first(numbers, names)[:most]), [
        f"Nearly equal images: {most:,} of {total:,} images were compared with all others, "
        "test images first."
    ]


def _test_first(numbers: np.ndarray, names: list[str]) -> np.ndarray:
    """Returns all places in an order drawn by lot, those of test images first."""
    test = names.index("test") if "test" in names else -1
    random = np.random.default_rng(0).permutation(len(numbers))
    return random[np.argsort(numbers[random] != test, kind="stable")]


def _usually_apart(sample: np.ndarray, corpus: np.ndarray) -> float:
    """Returns how far, as 1 - cosine, an image and its nearest neighbour usually are."""
    likeness = sample @ corpus.T
    likeness[likeness > 1 - 1e-5] = -1  # Itself, and equal images, which are counted elsewhere.
    return float(np.median(1 - likeness.max(axis=1)))


def _similar_pairs(details: np.ndarray, queries: np.ndarray, threshold: float) -> np.ndarray:
    """Returns int64 `(P, 2)`, the smaller index first, each pair once."""

    def blocks() -> Iterator[np.ndarray]:
        step = max(1, _BLOCK_NUMBERS // len(details))
        asked = np.zeros(len(details), bool)
        asked[queries] = True
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            # Queries rise: where all are asked, what lies before the block was asked already.
            lowest = int(block[0]) if len(queries) == len(details) else 0
            a, b = np.nonzero(details[block] @ details[lowest:].T > threshold)
            a, b = block[a], b + lowest
            keep = (a < b) | ((a > b) & ~asked[b])
            yield np.sort(np.stack([a[keep], b[keep]], axis=1), axis=1)

    found, total = [np.empty((0, 2), np.int64)], 0
    for block in blocks():
        found.append(block)
        total += len(block)
        if total > _MOST_PAIRS:
            break
    return np.concatenate(found)[:_MOST_PAIRS]


def _details_of(subject: Subject, numbers: np.ndarray, rows: np.ndarray, side: int) -> np.ndarray:
    """Returns the details of the images in these places, float32 `(N, side * side)`."""
    details = np.empty((len(rows), side * side), np.float32)
    for number, part in enumerate(subject.parts.values()):
        places = np.flatnonzero(numbers == number)
        for piece in slices(len(places), part.images[:1].nbytes):
            images = np.asarray(part.images[rows[places[piece]]])
            details[places[piece]] = find_details(make_thumbnails(images, side))
    return details


def _equal(subject, names, numbers, rows, pairs) -> np.ndarray:
    """Returns for each pair whether its pixels are equal."""
    images = [part.images for part in subject.parts.values()]
    return np.array(
        [
            np.array_equal(images[numbers[a]][rows[a]], images[numbers[b]][rows[b]])
            for a, b in pairs
        ],
        bool,
    )


def _examples(subject, names, numbers, rows, found) -> Iterator[Example]:
    """Shows pairs across parts first, and of each image one pair."""
    shown: set[int] = set()
    across = [entry for entry in found if numbers[entry[0]] != numbers[entry[1]]]
    for a, b, likeness in [*across, *found]:
        if len(shown) < 2 * MOST_EXAMPLES and not {a, b} & shown:
            shown |= {a, b}
            sights = tuple(subject.see(names[numbers[i]], rows[i]) for i in (a, b))
            yield Example(sights, f"{write_number(100 * likeness)} % alike")


def _say(names, numbers, found, examples) -> Finding:
    if not found:
        return Finding("near duplicates", "fine", "No two images are nearly equal.")
    kinds: dict[str, int] = {}
    for a, b, _ in found:
        first, second = sorted((names[numbers[a]], names[numbers[b]]))
        kind = f"within {first}" if first == second else f"{second} and {first}"
        kinds[kind] = kinds.get(kind, 0) + 1
    where = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    images = len({i for a, b, _ in found for i in (a, b)})
    return Finding(
        "near duplicates",
        "look",
        f"{plural(len(found), 'pair')} of nearly equal images ({where}), of {images:,} "
        "images. Look at them: copies of one original in training and test make scores too "
        "high. Keep them on one side with `group`.",
        count=len(found),
        examples=examples,
    )
