"""Figures that share one look, for reports and for presentations."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

# Colours of Okabe and Ito, which colour-blind readers tell apart; markers and lines differ too, for
# print without colour. https://jfly.uni-koeln.de/color/
LOOK = {
    "empirical": {"label": "Empirical", "color": "#000000", "marker": "o", "linestyle": "-"},
    "ledoit-wolf": {
        "label": "Ledoit\N{EN DASH}Wolf",
        "color": "#0072b2",
        "marker": "s",
        "linestyle": "--",
    },
    "oas": {"label": "OAS", "color": "#d55e00", "marker": "^", "linestyle": "-."},
    "fixed": {"label": "Fixed", "color": "#009e73", "marker": "D", "linestyle": ":"},
    "best": {"label": "Best in hindsight", "color": "#cc79a7", "marker": "*", "linestyle": "-"},
}
HELD_OUT = {"label": "Held-out rows", "color": "#e69f00", "marker": "x", "linestyle": ":"}
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
MARKERS = ["o", "s", "^", "D", "v"]
COMMON = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,  # no label is cut off, whatever its size
    "legend.frameon": False,
    "svg.fonttype": "path",
}
STYLES = {
    "report": {
        "figure.figsize": (6.2, 2.45),
        "font.size": 9,
        "lines.linewidth": 1.3,
        "lines.markersize": 4.5,
    },
    "presentation": {
        "figure.figsize": (8.6, 3.7),
        "font.size": 13,
        "lines.linewidth": 2.2,
        "lines.markersize": 7.5,
    },
}


@contextmanager
def style(name: str = "report") -> Iterator[None]:
    """Draw and save inside this context; text becomes outlines, so that it needs no font.

    Args:
        name: "report" (6.2 by 2.45 inches, 9 points) or "presentation" (8.6 by 3.7 inches, 13
            points, for slides of 16 to 9).

    Raises:
        KeyError: If there is no such style.
    """
    with mpl.rc_context(COMMON | STYLES[name]):
        yield


def plot_scores(results: pd.DataFrame) -> Figure:
    """Draw the held-out score of each estimator against the sample size.

    Args:
        results: As `study.data_engineering.summarise` returns it.
    """
    figure, axes = _axes_over_size(results)
    _draw_estimators(axes, results, "score")
    typical = results[results["estimator"].isin(["ledoit-wolf", "oas", "best"])]
    axes.set_ylim(typical["score_low"].min() - 2, results["score_high"].max() + 2)
    axes.set_ylabel("Held-out log-likelihood\n(nats per observation)")
    _shade_singular(axes, results)
    axes.legend(loc="lower right")
    return figure


def plot_gains(results: pd.DataFrame) -> Figure:
    """Draw what shrinkage gains over the empirical matrix on the same split, against sample size.

    Args:
        results: As `study.data_engineering.summarise` returns it.
    """
    finite = results[np.isfinite(results["gain"])]
    figure, axes = _axes_over_size(finite)
    _draw_estimators(axes, finite, "gain")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_yscale("symlog", linthresh=1)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_ylabel("Gain over the empirical matrix\n(nats per observation)")
    axes.legend(loc="lower left")
    return figure


def plot_curves(curves: pd.DataFrame, shown: int = 5) -> Figure:
    """Draw the held-out score against the intensity of shrinkage, for some sample sizes.

    Args:
        curves: As `study.model.trace_curves` returns it.
        shown: Number of sample sizes to show, at most 5.
    """
    figure, axes = _axes()
    sizes = _some(curves["size"].unique(), shown)
    colours = mpl.colormaps["cividis"](np.linspace(0, 0.8, shown))
    for size, colour, line, marker in zip(sizes, colours, LINES, MARKERS, strict=False):
        rows = curves[curves["size"] == size]
        best = rows["score"].argmax()
        look = {"color": colour, "linestyle": line, "marker": marker, "markevery": [best]}
        axes.plot(rows["intensity"], rows["score"], label=f"$n$ = {size}", **look)
    prior_alone = curves.loc[curves["intensity"] == 1, "score"].min()
    axes.set_ylim(1.2 * prior_alone, curves["score"].max() + 2)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(r"Shrinkage intensity $\alpha$")
    axes.set_ylabel("Held-out log-likelihood\n(nats per observation)")
    figure.legend(loc="outside upper center", ncols=shown)
    return figure


def plot_intensities(results: pd.DataFrame) -> Figure:
    """Draw the intensity that each estimator chooses against the sample size.

    Args:
        results: As `study.data_engineering.summarise` returns it.
    """
    figure, axes = _axes_over_size(results)
    _draw_estimators(axes, results[results["estimator"] != "empirical"], "intensity")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_ylabel(r"Shrinkage intensity $\alpha$")
    axes.legend(loc="lower left")
    return figure


def plot_spectra(spectra: pd.DataFrame, shown: int = 3) -> Figure:
    """Draw the variance along each eigenvector, as estimated and as held-out rows have it.

    Args:
        spectra: As `study.model.trace_spectra` returns it.
        shown: Number of sample sizes to show, one panel each.
    """
    figure = Figure(layout="constrained")
    panels = figure.subplots(1, shown, sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, _some(spectra["size"].unique(), shown), strict=True):
        rows = spectra[spectra["size"] == size]
        for name in ("empirical", "ledoit-wolf"):
            regular = rows[rows[name] > 0]
            axes.plot(regular["direction"], regular[name], markevery=3, **LOOK[name])
        axes.plot(rows["direction"], rows["held-out"], markevery=3, **HELD_OUT)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(f"$n$ = {size}", size="medium")
        axes.set_xticks([1, *range(10, len(rows) + 1, 10)])
    panels[0].set_ylabel("Variance along eigenvector")
    figure.supxlabel("Eigenvector, by falling variance in the sample", size="medium")
    panels[0].legend(loc="lower left")
    return figure


def _some(values: np.ndarray, count: int) -> np.ndarray:
    """Pick values at equal distances in the list, with the first and the last."""
    return values[np.linspace(0, len(values) - 1, count).round().astype(int)]


def _axes() -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes."""
    figure = Figure(layout="constrained")
    return figure, figure.subplots()


def _axes_over_size(results: pd.DataFrame) -> tuple[Figure, Axes]:
    """Make a figure whose horizontal axis is the sample size, on a logarithmic scale."""
    figure, axes = _axes()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(results["size"].unique()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("Sample size $n$")
    return figure, axes


def _draw_estimators(axes: Axes, results: pd.DataFrame, name: str) -> None:
    """Draw the mean over splits, with bars from the 10th to the 90th percentile, side by side."""
    shifts = np.exp(np.linspace(-0.03, 0.03, len(LOOK)))
    for shift, (estimator, look) in zip(shifts, LOOK.items(), strict=True):
        rows = results[(results["estimator"] == estimator) & np.isfinite(results[name])]
        if len(rows):
            place, low, high = shift * rows["size"], rows[f"{name}_low"], rows[f"{name}_high"]
            axes.plot(place, rows[name], **look)
            axes.vlines(place, low, high, color=look["color"], linewidth=0.8)


def _shade_singular(axes: Axes, results: pd.DataFrame) -> None:
    """Mark the sample sizes at which the empirical covariance matrix has no inverse."""
    singular = results.loc[np.isneginf(results["score"]), "size"]
    if singular.empty:
        return
    left, right = axes.get_xlim()[0], singular.max() * np.exp(0.06)
    axes.axvspan(left, right, color="0.93", zorder=0)
    axes.set_xlim(left)
    top = (np.sqrt(left * right), axes.get_ylim()[1])
    text = "Empirical matrix singular:\n" r"its score is $-\infty$"
    below = {"xytext": (0, -0.4), "textcoords": "offset fontsize", "ha": "center", "va": "top"}
    axes.annotate(text, top, size="small", **below)
