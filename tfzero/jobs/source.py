"""What a source names, opened: another data set, public weights, or the encoder of a file."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import TYPE_CHECKING, NamedTuple

from tfzero.common.checks import InputError
from tfzero.common.files import read_json
from tfzero.common.surroundings import own_settings
from tfzero.data import ImageData
from tfzero.data.source_task import SourceTask, load_source_task
from tfzero.jobs.load import load_model
from tfzero.networks.frozen import describe_frozen
from tfzero.study.inits.given import File, Public
from tfzero.study.planning.parts import GivenEncoder
from tfzero.study.records import RunFolder

if TYPE_CHECKING:
    import keras

    from tfzero.study.planning.plan import StudyPlan


class Source(NamedTuple):
    """What an encoder can come from beside the target's own images; one of both, or neither.

    Attributes:
        task: Another data set.
        given: What identifies an encoder that comes ready.
        encoder: That encoder.
        is_default: Whether nobody asked for it, so that its arms may be dropped to save time.
    """

    task: SourceTask | None = None
    given: GivenEncoder | None = None
    encoder: keras.Model | None = None
    is_default: bool = False


def default_source(
    data: ImageData, run: RunFolder, *, named: bool, overwrite: bool = False
) -> str | None:
    """Returns the public network of a study for which no source is named, or None.

    Colour images are compared with public weights where these are installed. A study that is
    there already goes on as it began, whatever was installed since.

    Args:
        data: The images.
        run: The study's folder; need not exist.
        named: Whether the arms are named, or a method that continues from a source.
        overwrite: Whether a study in the folder does not count.
    """
    from tfzero.networks.public import DEFAULT

    stored = None if overwrite else read_json(run.study)
    if stored is None:
        uses = not named and DEFAULT.suits(data.image_shape[-1]) and DEFAULT.is_installed()
    else:
        given = (stored.get("asked") or stored).get("given") or {}
        uses = given.get("source") == DEFAULT.prefix
    return DEFAULT.prefix if uses else None


def lacks_public_weights(plan: StudyPlan) -> bool:
    """Returns whether a study would have judged public weights, had they been installed."""
    from tfzero.networks.public import DEFAULT

    suits = DEFAULT.suits(plan.data.image_shape[-1])
    return suits and plan.given is None and not DEFAULT.is_installed()


def open_source(
    source: str | os.PathLike[str] | ImageData | None,
    *,
    like: ImageData,
    weights: str | os.PathLike[str] | None = None,
    precision: str | None = None,
) -> Source:
    """Opens what `tfzero.compare` takes as its source.

    Args:
        source: A public network such as "lite0", "imagenet:NAME" or "kerashub:PRESET", with
            ",size=N" if need be; a `.keras` file; or a data set as `load_data` takes it. None for
            no source.
        like: The target.
        weights: File or folder of weights for a public network.
        precision: What a network must compute in, one of `PRECISIONS`; None takes any.

    Raises:
        InputError: If it cannot be used.
    """
    if precision is None:
        return _open(source, like, weights)
    with own_settings(precision):
        opened = _open(source, like, weights)
        if opened.encoder is not None:
            from tfzero.networks.precision import require_same_precision  # Keras is slow to import

            require_same_precision(opened.encoder, precision, what=f"The source {source}")
    return opened


def _open(source, like: ImageData, weights) -> Source:
    text = None if source is None or isinstance(source, ImageData) else os.fspath(source)
    named_public = text is not None and _is_public(text)
    if weights is not None and not named_public:
        raise InputError(
            f"`weights={str(weights)!r}` holds weights of a public network, but the source is "
            f"{text or 'none'}; expected `source='imagenet:NAME'` or `source='kerashub:NAME'` "
            "with it. Give your own network as `source='FILE.keras'`."
        )
    if source is None:
        return Source()
    if text is None:
        return Source(load_source_task(source, like=like))
    if named_public:
        return _open_public(text, like, weights)
    if text.endswith(".keras"):
        return _open_file(pathlib.Path(text), like)
    return Source(load_source_task(text, like=like))


def open_teacher(teacher: str | os.PathLike[str], *, like: ImageData) -> keras.Model:
    """Returns the network that a name or a file stands for, as `open_source` does.

    Raises:
        InputError: If it cannot be used, or is a data set.
    """
    encoder = open_source(teacher, like=like).encoder
    if encoder is None:
        raise InputError(
            f"`teacher={os.fspath(teacher)!r}` is a data set; expected a network: "
            "`teacher='lite0'`, `teacher='imagenet:NAME'` or `teacher='FILE.keras'`."
        )
    return encoder


def _is_public(text: str) -> bool:
    from tfzero.networks.public import is_public  # Keras is slow to import

    return is_public(text)


def _open_public(text: str, like: ImageData, weights) -> Source:
    from tfzero.networks.operations import count_operations
    from tfzero.networks.public import open_public

    opened = open_public(text, like.image_shape, weights=weights)
    origin = opened.origin
    given = GivenEncoder(
        init=Public.word,
        name=opened.title,
        source=text,
        fingerprint=_identify(opened.decides, opened.encoder),
        notes=(
            *opened.notes,
            f"Its weights were trained on {origin.trained_on}. Their licence: {origin.licence}.",
        ),
        operations=count_operations(opened.encoder),
    )
    return Source(given=given, encoder=opened.encoder)


def _open_file(path: pathlib.Path, like: ImageData) -> Source:
    from tfzero.networks.operations import count_operations

    encoder = load_encoder_file(path, like.image_shape)
    config = json.dumps(encoder.get_config(), sort_keys=True, default=str)
    frozen = describe_frozen(encoder, name=path.name)
    given = GivenEncoder(
        init=File.word,
        name=path.name,
        source=str(path),
        fingerprint=_identify(config, encoder),
        notes=(frozen,) if frozen else (),
        operations=count_operations(encoder),
    )
    return Source(given=given, encoder=encoder)


def load_encoder_file(path: pathlib.Path, image_shape: tuple[int, int, int]) -> keras.Model:
    """Returns the encoder in a `.keras` file: of a method or a classifier, or the model itself.

    Raises:
        InputError: If there is none for images of this shape.
    """
    encoder = open_encoder_file(path)
    require_encoder_takes(path, encoder, image_shape)
    return encoder


def open_encoder_file(path: pathlib.Path) -> keras.Model:
    """Returns the encoder in a `.keras` file, whatever images it takes.

    Raises:
        InputError: If there is none with one input.
    """
    from tfzero.networks.precision import require_precision

    loaded = load_model(path)
    encoder = getattr(loaded, "encoder", loaded)
    _check_form(path, encoder)
    require_precision(encoder)
    return encoder


def require_encoder_takes(
    path: pathlib.Path, encoder: keras.Model, image_shape: tuple[int, int, int]
) -> None:
    """Raises unless what was opened from a file makes features of images of this shape.

    Raises:
        InputError: If it takes others, or gives something else.
    """
    takes, gives = tuple(encoder.input_shape[1:]), tuple(encoder.output_shape)
    if takes != tuple(image_shape):
        raise _takes_others(path, takes, tuple(image_shape))
    if len(gives) != 2:
        raise InputError(
            f"{path} gives {gives}; expected features (None, D). End it with pooling or Flatten."
        )
    if _ends_in_softmax(encoder):
        raise InputError(
            f"{path} is a classifier that ends in softmax over {gives[1]} classes; expected "
            "an encoder that ends in features. Save a model that ends earlier: "
            "keras.Model(model.inputs, model.layers[-2].output).save('encoder.keras')."
        )


def _check_form(path: pathlib.Path, encoder: keras.Model) -> None:
    """Refuses what is not built, or has other than one input and one output."""
    try:
        counts = len(encoder.inputs), len(encoder.outputs)
    except (AttributeError, TypeError, ValueError) as error:  # by the kind of model
        raise InputError(
            f"{path} holds a model without a fixed input; expected one that begins with "
            "keras.Input((height, width, channels)). Build it again with this input, and "
            "save it."
        ) from error
    if counts != (1, 1):
        raise InputError(
            f"{path} has {counts[0]} inputs and {counts[1]} outputs; expected one input "
            "(images) and one output (features). Save keras.Model(images, features) of it."
        )


def _takes_others(path: pathlib.Path, takes: tuple, arrives: tuple) -> InputError:
    options = []
    if len(takes) == 3 and None not in takes:
        height, width, channels = takes
        if takes[:2] != arrives[:2]:
            options.append(f"`size={height if height == width else (height, width)}`")
        if channels != arrives[2] and channels in (1, 3):
            options.append(f"`channels={channels}`")
    remedy = f", or give {' and '.join(options)}" if options else ""
    return InputError(
        f"{path} takes images of {takes}, but the data has {arrives}. Pretrain on such "
        f"images{remedy}."
    )


def _ends_in_softmax(model: keras.Model) -> bool:
    """Whether the last layer is one of probabilities; in a model of models, that of the last."""
    import keras

    last = model.layers[-1] if model.layers else None
    if isinstance(last, keras.Model):
        return _ends_in_softmax(last)
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    return softmax or isinstance(last, keras.layers.Softmax)


def _identify(decides: str, encoder: keras.Model) -> str:
    """Returns a hash of weights, and of what else decides an encoder's features."""
    found = hashlib.blake2b(decides.encode(), digest_size=16)
    for weight in encoder.get_weights():
        found.update(f"{weight.dtype}{weight.shape}".encode())
        found.update(weight.tobytes())
    return found.hexdigest()
