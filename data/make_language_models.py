"""Train the language model of place names and write data/models/place_names_language.safetensors.

Takes about six minutes on one thread. The file is written only if the cross-entropy on the test
split agrees with the recorded one. Byte for byte the same on the same kind of processor with the
same torch; elsewhere the last digits differ, and then lessons may print other numbers.
"""

import torch

from kdlib.data import PlaceNames, data_folder, load_place_names
from kdlib.language.distil import name_loss
from kdlib.language.sampling import nats_per_character, sample
from kdlib.language.tokens import decode
from kdlib.language.transformer import TEACHER_FILE, CharTransformer, untrained_teacher
from kdlib.models import parameter_count
from kdlib.training import fit
from kdlib.weights import save_weights

NATS, TOLERANCE = 1.930, 0.02  # nats per character of the test split


def main() -> None:
    """Train, measure, compare, write."""
    torch.set_num_threads(1)
    places = load_place_names()
    teacher = trained_teacher(places)
    for split in ("train", "validation", "test"):
        nats = nats_per_character(teacher, getattr(places, split).inputs)
        print(f"{split:10s} {nats:.4f} nats per character")
    print(
        "invents:",
        ", ".join(decode(sample(teacher, 10, generator=torch.Generator().manual_seed(0)))),
    )
    if abs(nats - NATS) > TOLERANCE:
        raise SystemExit(
            f"{nats:.3f} nats per character of the test split, expected {NATS} within {TOLERANCE}: "
            "nothing was written. If data or model were changed on purpose, change NATS and run "
            "`make notebooks`."
        )
    checksum = save_weights(teacher, TEACHER_FILE)
    size = (data_folder() / TEACHER_FILE).stat().st_size
    print(f"wrote {TEACHER_FILE}: {size / 1e3:.0f} kB, sha256 {checksum}")


def trained_teacher(places: PlaceNames) -> CharTransformer:
    """The Transformer fitted to the names of the train split; their countries play no part."""
    teacher = untrained_teacher(seed=0)
    print(f"training {parameter_count(teacher):,} parameters on {len(places.train):,} names ...")
    history = fit(
        teacher,
        places.train,
        name_loss,
        steps=6000,
        batch_size=128,
        learning_rate=0.005,
        seed=0,
        validation=places.validation,
    )
    print(history)
    return teacher


if __name__ == "__main__":
    main()
