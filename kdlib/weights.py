"""Weights of models on disk: safetensors with their checksum in the header, never pickled.

`load_weights` says what is wrong with a file, and how to restore it, before any weight is used.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kdlib import checks
from kdlib.data import data_folder

RESTORE = "`git checkout -- data/models` or `make models`"


def read_tensors(path: Path, restore: str = RESTORE) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file of the data folder, and what its header says of them.

    Raises:
        FileNotFoundError, ValueError: the file is missing, or its checksum is not that of its
            header, with how to restore it.
    """
    checks.existing_file(path, restore)
    tensors: dict[str, Tensor] = {}
    about = {"sha256": "(not readable)"}
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            header = file.metadata() or {}
        about |= json.loads(header["about"]) if "about" in header else header
        found = checksum(tensors)
    except (SafetensorError, OSError, ValueError) as error:
        found = f"a file that cannot be read ({error})"
    checks.intact_file(path, expected=about["sha256"], found=found, restore=restore)
    return tensors, about


def write_tensors(tensors: Mapping[str, Tensor], path: Path, **about: str) -> str:
    """Write tensors, their checksum and what else is to be said of them; return the checksum.

    All of it is one entry of the header, because safetensors writes several in no fixed order.
    """
    found = checksum(tensors)
    told = json.dumps({"sha256": found, **about}, ensure_ascii=False)
    save_file(dict(tensors), path, metadata={"about": told})
    path.chmod(0o644)
    return found


def load_weights(model: nn.Module, file: str) -> None:
    """Fill a model with the weights of a file of the data folder; freeze it, in evaluation mode.

    Raises:
        FileNotFoundError, ValueError: the file is missing, damaged or of another model.
    """
    path = data_folder() / file
    weights, about = read_tensors(path)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        found = f"a file that does not hold this model ({str(error).splitlines()[0]})"
        checks.intact_file(path, expected=about["sha256"], found=found, restore=RESTORE)
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
