"""Is this a figure that can be shown, found again and read aloud?

The part of `checks` that `figures` and `widgets` need, with the same promise: a message says what
was wrong, what was expected and what to do.
"""

import re

SHORTEST_DESCRIPTION = 40  # characters


def figure_name(name: object) -> None:
    """A figure's name is kebab-case: it becomes a file name and a part of an address."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"name is {name!r}: expected kebab-case, such as 'kl-by-temperature'. "
            "Use lower-case letters, digits and single hyphens."
        )


def figure_words(alt: object) -> str:
    """The description of a figure on one line; too short a description is refused."""
    if not isinstance(alt, str):
        raise TypeError(
            f"alt is {type(alt).__name__}: expected a str that says what the figure shows."
        )
    words = " ".join(alt.split())
    if len(words) < SHORTEST_DESCRIPTION:
        raise ValueError(
            f"alt has {len(words)} characters ({words!r}): expected at least "
            f"{SHORTEST_DESCRIPTION}. Say what is drawn, on which axes, and what it shows, for "
            "readers who do not see the figure."
        )
    return words


def figure(fig: object, name: str) -> None:
    """A figure is what can be saved as a picture; axes or None are the usual slips."""
    if not hasattr(fig, "savefig"):
        raise TypeError(
            f"{name} is {type(fig).__name__}: expected a matplotlib figure. "
            "Make it by `fig, ax = plt.subplots()` and hand over (or return) `fig`."
        )
