"""Methods: unlabeled images in, a pretrained encoder out."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tfzero.common.checks import InputError, require_choice
from tfzero.data.kinds import KINDS
from tfzero.pretrain.budget import AUTO, LARGE_POOL_BATCH, PretrainingBudget, default_budget

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer


# How many times the default passes a pretraining may make that ends by itself.
_MOST_AUTO = 4


class Method(NamedTuple):
    """A method's entry in the table.

    Attributes:
        place: Where its class is, as "module:name".
        relative_cost: Seconds for an image of pretraining over seconds for an image of
            fine-tuning the same encoder, measured on one core of a CPU at 28x28 pixels
            (`benchmarks/costs.py`): what pretraining would have bought.
        takes_kind: Whether it is told the kind of data, as its argument `kind`.
        smallest_batch: Images an update at least, where the pool has so many: what is learnt by
            telling the images of a batch apart needs many.
        large_pool_batch: Images an update where the pool is large (see `default_budget`); few for
            a method that needs many updates.
        passes: How many times as many passes over the pool it makes as `default_budget` says.
        learning_rate: The highest, of the optimizer given to `compile`, Adam.
        generates: Whether it can make images of its own, `can("generate")`, without its class.
        decays: Whether it rises over the first tenth of the updates and then falls to 0 as a
            cosine, instead of standing still.
        goes_on: Whether its loss can go on while a classifier is trained on its encoder,
            `can("read_unlabeled")`, without its class.
        learns_orientation: Whether it learns which side of an image is up, and nothing from images
            of a kind where no side is.
        needs_teacher: Whether it learns from another network, its argument `teacher`.
        outside: The class itself, of a method from outside this package.
        title: Its name in a sentence, after "pretrained by". Empty: the class's name.
    """

    place: str
    relative_cost: float
    takes_kind: bool = False
    smallest_batch: int = 1
    large_pool_batch: int = LARGE_POOL_BATCH
    passes: float = 1.0
    learning_rate: float = 1e-3
    decays: bool = False
    generates: bool = False
    goes_on: bool = True
    learns_orientation: bool = False
    needs_teacher: bool = False
    outside: type[Pretrainer] | None = None
    title: str = ""

    @property
    def plain(self) -> str:
        """Its name in a sentence, after "pretrained by"."""
        return self.title or self.place.rpartition(":")[2]

    def budget(
        self, num_images: int, *, epochs: int | Literal["auto"] | None = None
    ) -> PretrainingBudget:
        """Returns what the method may spend on a pool of a size.

        Args:
            num_images: Size of the pool.
            epochs: Passes, if not the default. "auto" ends when the loss is flat, after four times
                the default at the latest.
        """
        until_flat = epochs == AUTO
        given = None if isinstance(epochs, str) else epochs
        usual = default_budget(num_images, epochs=given, large_batch=self.large_pool_batch)
        passes = round(self.passes * usual.epochs) if given is None else given
        return PretrainingBudget(
            until_flat=until_flat,
            epochs=_MOST_AUTO * passes if until_flat else passes,
            batch_size=min(num_images, max(usual.batch_size, self.smallest_batch)),
            learning_rate=self.learning_rate,
            decays=self.decays,
        )


# Adding a method: one file, one line here, one test file.
METHODS = {
    "denoising": Method("tfzero.pretrain.denoising:Denoising", 1.6, title="denoising"),
    # On part of Fashion-MNIST, one run each: at a constant 1e-3 with batches of 128 the
    # discriminator is at chance after 3 passes; a rate that falls keeps it learning, and batches of
    # 32 at half of it come as far in one pass as those in three (coverage over real's 0.36), and in
    # two as far as a constant rate in six (0.52 and 0.50).
    "gan": Method(
        "tfzero.pretrain.gan:GAN",
        3.0,
        large_pool_batch=32,
        learning_rate=5e-4,
        decays=True,
        generates=True,
        title="a GAN",
    ),
    # The rate as SimCLR's: on part of Fashion-MNIST, one seed, a probe gains a point over 1e-3. The
    # passes: there, one run each, a probe on 100 and 1,000 labels scores 74.8 and 84.5 % after 6
    # passes over 50,000 images, and 76.5 and 85.6 after 10.
    "rotation": Method(
        "tfzero.pretrain.rotation:Rotation",
        0.9,
        takes_kind=True,
        passes=3.0,
        learning_rate=3e-3,
        decays=True,
        learns_orientation=True,
        title="rotation",
    ),
    "vae": Method("tfzero.pretrain.vae:VAE", 1.45, generates=True, title="a VAE"),
    # On part of Fashion-MNIST, one seed: a probe after 3 epochs gains 1 point over a constant 1e-3.
    "simclr": Method(
        "tfzero.pretrain.simclr:SimCLR",
        1.8,
        takes_kind=True,
        smallest_batch=256,
        learning_rate=3e-3,
        decays=True,
        title="SimCLR",
    ),
    # On 6,000 training images of CIFAR-10, EfficientNet-Lite0 as teacher, one run each: after 15
    # passes a probe on 100 and 1,000 labels scores 47.2 and 61.2 %, after 25 passes 48.5 and 63.7;
    # by the cosine after 15 passes 46.3 and 60.0, with the views of SimCLR 44.5 and 59.9.
    "distillation": Method(
        "tfzero.pretrain.distillation:Distillation",
        1.0,
        takes_kind=True,
        passes=3.0,
        learning_rate=3e-3,
        decays=True,
        needs_teacher=True,
        title="distillation",
    ),
}
_PUBLIC = {method.place.partition(":")[2]: method.place for method in METHODS.values()}


def list_self_taught() -> list[str]:
    """Returns the keys of the methods that learn from images alone, without a teacher."""
    return [name for name, method in METHODS.items() if not method.needs_teacher]


def find_method(name: str) -> Callable[..., Pretrainer]:
    """Returns the class of a method by its key in `METHODS`.

    Raises:
        InputError: If there is no such method; the message names the nearest.
    """
    method = METHODS[require_choice(name, METHODS, what="method")]
    return method.outside or pkgutil.resolve_name(method.place)


def register_method(method: type[Pretrainer]) -> str:
    """Makes a class from outside this package a method of this process; returns its key.

    Its key is the class's name in lower case, its training budget the default. What an image
    costs is not measured: it counts as much as the dearest common method but one, the VAE.

    Raises:
        InputError: If the key belongs to another method, or the class is not a `Pretrainer`.
    """
    from tfzero.pretrain.base import Pretrainer

    if not issubclass(method, Pretrainer):
        raise InputError(
            f"{method.__name__} is not a method; expected a class derived from "
            "tfzero.pretrain.base.Pretrainer."
        )
    place, key = f"{method.__module__}:{method.__qualname__}", method.__name__.lower()
    if key in METHODS and METHODS[key].place != place:
        raise InputError(
            f'The name "{key}" of class {method.__name__} belongs to another method; rename yours.'
        )
    if key not in METHODS or METHODS[key].outside is not None:
        METHODS[key] = Method(
            place,
            METHODS["vae"].relative_cost,
            generates=method.generate is not Pretrainer.generate,
            goes_on=method.read_unlabeled is not Pretrainer.read_unlabeled,
            outside=method,
        )
    return key


def build_method(
    name: str,
    encoder: keras.Model,
    *,
    kind: str | None,
    seed: int,
    teacher: keras.Model | None = None,
) -> Pretrainer:
    """Returns a method around an encoder, every other argument its default.

    Args:
        name: A key of `METHODS`.
        encoder: Trained in place.
        kind: The kind of data, for methods that are told it, of no effect on others; None lets
            them choose by channels.
        seed: The method's.
        teacher: The network that it learns from, for methods that need one.

    Raises:
        InputError: As `find_method`, if there is no such kind of data, or if a teacher is missing
            or has no use.
    """
    if kind is not None:
        require_choice(kind, KINDS, what="kind of data")
    build = find_method(name)
    require_teacher(name, given=teacher is not None)
    arguments: dict[str, Any] = {"kind": kind} if METHODS[name].takes_kind else {}
    if teacher is not None:
        arguments["teacher"] = teacher
    return build(encoder, seed=seed, **arguments)


def require_teacher(name: str, *, given: bool) -> None:
    """Raises unless a method has the teacher that it needs, and no other.

    Args:
        name: A key of `METHODS`.
        given: Whether there is a teacher.

    Raises:
        InputError: If it is missing, or has no use.
    """
    if METHODS[name].needs_teacher and not given:
        raise InputError(
            f'Method "{name}" learns from another network, its teacher, but none is given. '
            "Give one with `teacher`."
        )
    if given and not METHODS[name].needs_teacher:
        taught = " or ".join(key for key, method in METHODS.items() if method.needs_teacher)
        raise InputError(
            f'A teacher is given, but method "{name}" learns from images alone. Leave out '
            f'`teacher`, or choose the method "{taught}".'
        )


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return pkgutil.resolve_name(_PUBLIC[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
