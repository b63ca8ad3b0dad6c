"""How much memory does a statement need beyond what was there before it?

Measured in a fresh process, where nothing was freed earlier that could be used again unnoticed.
Linux counts the highest resident memory of a process (VmHWM in /proc/self/status) and forgets it
when 5 is written to /proc/self/clear_refs: see proc(5). Elsewhere there is no number.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PROGRAM = """
from kdlib.bench.peak_memory import forget_peak, peak_bytes
{setup}
forget_peak()
_before = peak_bytes()
{statement}
print(_before, peak_bytes() - _before)
"""


def peak_extra_bytes(setup: str, statement: str) -> int | None:
    """Run both, as in `timeit`, in a process of their own, and say what the second needed.

    Returns:
        Bytes, precise to about a megabyte; None where the system does not tell.
    Raises:
        RuntimeError: if the process fails, with its last words.
    """
    found = before_and_extra_bytes(setup, statement)
    return found and found[1]


def before_and_extra_bytes(setup: str, statement: str) -> tuple[int, int] | None:
    """Return also what the process had before, which with the extra is its peak."""
    if not STATUS.exists():
        return None
    program = _PROGRAM.format(setup=setup, statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["it was killed: out of memory?"]
        raise RuntimeError(f"Measuring memory failed ({done.returncode}): {words[-1]}")
    before, extra = map(int, done.stdout.split()[-2:])
    return before, extra


def forget_peak() -> None:
    """Let the peak start again from what is resident now; where that is forbidden, it stays."""
    with suppress(OSError):
        CLEAR.write_text("5")


def peak_bytes() -> int:
    """The highest resident memory of this process."""
    lines = STATUS.read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
