"""Tests of study.visualization."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from study import visualization
from study.data_engineering import draw_splits, summarise
from study.model import compare, trace_curves, trace_spectra


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Give small tables of results, with sizes at which the empirical matrix is singular."""
    features = pd.DataFrame(np.random.default_rng(1).normal(size=(80, 6)))
    sizes = [4, 6, 12, 40]
    curves = trace_curves(draw_splits(features, sizes, 5, 30, seed=1), np.geomspace(0.01, 1, 9))
    scores = compare(draw_splits(features, sizes, 5, 30, seed=1), curves, fixed=0.1)
    spectra = trace_spectra(draw_splits(features, sizes, 5, 30, seed=1))
    return {"curves": curves, "results": summarise(scores), "spectra": spectra}


FIGURES = {
    "plot_scores": "results",
    "plot_gains": "results",
    "plot_curves": "curves",
    "plot_intensities": "results",
    "plot_spectra": "spectra",
}


def svg(name: str, tables: dict[str, pd.DataFrame], style: str) -> bytes:
    """Draw a figure and give it as SVG."""
    with visualization.style(style):
        figure = getattr(visualization, name)(tables[FIGURES[name]])
        file = io.BytesIO()
        figure.savefig(file, format="svg")
    return file.getvalue()


@pytest.mark.parametrize("style", visualization.STYLES)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn(name, style, tables):
    """Every figure is drawn in every style, also where scores are not finite."""
    assert svg(name, tables, style).startswith(b"<?xml")


@pytest.mark.parametrize("style", visualization.STYLES)
def test_no_label_is_cut_off(style):
    """In every style the labels of a figure lie within it, however it was made."""
    with visualization.style(style):
        figure = Figure()
        axes = figure.subplots()
        axes.set(xlabel="day", ylabel="temperature", title="Stations")
        figure.draw_without_rendering()
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        box = label.get_window_extent()
        assert figure.bbox.count_contains(box.corners()) == 4


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_named(name, tables):
    """Every figure says what its axes show."""
    figure = getattr(visualization, name)(tables[FIGURES[name]])
    first = figure.axes[0]
    assert first.get_xlabel() or figure.get_supxlabel()
    assert first.get_ylabel()


def test_the_estimators_can_be_told_apart_without_colour():
    """No two estimators share a marker, nor a colour."""
    for property_ in ("marker", "color"):
        used = [look[property_] for look in visualization.LOOK.values()]
        assert len(set(used)) == len(used)


def test_a_style_leaves_nothing_behind():
    """After the context, settings of matplotlib are what they were."""
    before = dict(visualization.mpl.rcParams)
    with visualization.style("presentation"):
        assert dict(visualization.mpl.rcParams) != before
    assert dict(visualization.mpl.rcParams) == before
