"""Can the page that shows an output show widgets?

A display bundle may hold a live view beside its picture or text: JupyterLab with a kernel takes the
view, and everything else (GitHub, print, a stored notebook) takes the rest.
"""

import sys
from collections.abc import Callable
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def widget_view(make: Callable[[], Any]) -> dict[str, Any]:
    """The part of a display bundle that shows the widget of make(); empty where nobody can.

    >>> widget_view(lambda: None)  # no kernel runs a doctest
    {}
    """
    if not kernel_runs():
        return {}
    try:
        bundle = make()._repr_mimebundle_() or {}
    except ImportError:  # there is no ipywidgets
        return {}
    return {WIDGET_VIEW: bundle[WIDGET_VIEW]} if WIDGET_VIEW in bundle else {}


def kernel_runs() -> bool:
    """A front end could show widgets: IPython is loaded and has a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
