"""Weights of models on disk: safetensors with their checksum in the header, never pickled.

`load_weights` says what is wrong with a file, and how to restore it, before any weight is used.
"""

import hashlib
from collections.abc import Mapping

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kdlib import checks
from kdlib.data import data_folder

RESTORE = "`git checkout -- data/models` or `make models`"


def load_weights(model: nn.Module, file: str) -> None:
    """Fill a model with the weights of a file of the data folder; freeze it, in evaluation mode.

    Raises:
        FileNotFoundError, ValueError: the file is missing, damaged or of another model.
    """
    path = checks.existing_file(data_folder() / file, RESTORE)
    expected = "(not readable)"
    try:
        with safe_open(path, framework="pt") as stored:
            weights = {name: stored.get_tensor(name) for name in stored.keys()}
            expected = stored.metadata()["sha256"]
        found = checksum(weights)
        model.load_state_dict(weights)
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError) as error:
        found = f"a file that does not hold this model ({str(error).splitlines()[0]})"
    checks.intact_file(path, expected=expected, found=found, restore=RESTORE)
    model.eval().requires_grad_(False)


def save_weights(model: nn.Module, file: str) -> str:
    """Write the weights of a model into a file of the data folder and return their checksum."""
    weights = {name: weight.detach() for name, weight in model.state_dict().items()}
    path = data_folder() / file
    path.parent.mkdir(exist_ok=True)
    save_file(weights, path, metadata={"sha256": checksum(weights)})
    path.chmod(0o644)
    return checksum(weights)


def checksum(weights: Mapping[str, Tensor]) -> str:
    """The sha256 of named weights: of their names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
