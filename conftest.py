"""What every test, and every kernel that a test starts, finds around it: one thread, no network.

Kernels inherit the environment, so it is set here, before any of them starts.
"""

import os
import runpy
from pathlib import Path

ROOT = Path(__file__).parent
OFFLINE = ROOT / "tests" / "offline"

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["PYTHONHASHSEED"] = "0"
os.environ["KDLIB_QUIET"] = "1"
os.environ["KDLIB_PROGRESS"] = "off"
os.environ.pop("KDLIB_FIGURES", None)

before = os.environ.get("PYTHONPATH")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OFFLINE), str(ROOT), before]))
runpy.run_path(str(OFFLINE / "sitecustomize.py"))

collect_ignore = ["tests/offline"]
