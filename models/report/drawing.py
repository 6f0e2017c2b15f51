"""What all plots are drawn with: a figure of its own each, no window, no shared state."""

import base64
import io
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

BLUE, GREY = "#1f5fa8", "#8a8a8a"


def png(figure: Figure) -> bytes:
    """A plot as an image."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110)
    return target.getvalue()


def svg(figure: Figure) -> bytes:
    """A plot as a drawing, the same bytes for the same plot; its words stay words, dollar signs too."""
    target = io.BytesIO()
    for words in figure.findobj(Text):
        words.set_parse_math(False)
    with rc_context({"svg.hashsalt": "headroom", "svg.fonttype": "none"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


def address(image: bytes, kind: str) -> str:
    """An image as the address of one that stands on the page itself; ``kind``: ``png``, ``svg+xml``."""
    return f"data:image/{kind};base64," + base64.b64encode(image).decode()


def blank(title: str, x_label: str, y_label: str) -> tuple[Figure, Any]:
    """A plot with nothing on it yet, and its axes."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
