"""Runs inside the kernel: figures and tables of other libraries become what a document can keep."""

import importlib.abc
import importlib.machinery
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_ROWS = 200
_NUMBERS = itertools.count(1)
_VEGA = "application/vnd.vegalite.v6+json"
_BOKEH = "application/vnd.bokehjs.v3+json"


def register(formatter: Any) -> None:
    """Tell IPython's formatter how objects are shown, once somebody imports their libraries."""
    bundles, html = formatter.mimebundle_formatter, formatter.formatters["text/html"]
    for version in ("v5", "v6"):
        bundles.for_type_by_name(f"altair.vegalite.{version}.api", "TopLevelMixin", _altair)
    bundles.for_type_by_name("bokeh.models.ui.ui_element", "UIElement", _bokeh)
    html.for_type_by_name("bokeh.models.ui.ui_element", "UIElement", lambda figure: None)
    html.for_type_by_name("great_tables.gt", "GT", _great_table)
    html.for_type_by_name("polars.dataframe.frame", "DataFrame", _polars)
    html.for_type_by_name("polars.series.series", "Series", _polars)
    sys.meta_path.insert(0, _Finder())


def send_any_text() -> None:
    """Let the kernel send halves of surrogate pairs, too: it loses all that comes with one."""
    from IPython import get_ipython
    from jupyter_client.jsonutil import json_default

    session = get_ipython().kernel.session
    pack = session.pack

    def packed(content: Any) -> bytes:
        try:
            return pack(content)
        except UnicodeEncodeError:
            return json.dumps(content, default=json_default, allow_nan=False).encode("ascii")

    session.pack = packed


def _altair(chart: Any, **_: Any) -> dict[str, Any]:
    """Return a chart, and a picture of it if the package is there that draws one."""
    spec = chart.to_dict()
    spec.setdefault("config", {}).setdefault("font", "DejaVu Sans")  # one that the PDF has
    data = {_VEGA: spec, "text/plain": "alt.Chart(...)"}
    try:
        import vl_convert
    except ImportError:
        return data
    import matplotlib

    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    vl_convert.register_font_directory(str(fonts))
    version = ".".join(spec["$schema"].rpartition("/v")[2].split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    options: dict[str, Any] = {"vl_version": version} if version in known else {}
    return data | {"image/svg+xml": vl_convert.vegalite_to_svg(spec, **options)}


def _bokeh(figure: Any, **_: Any) -> dict[str, Any]:
    from bokeh.embed import json_item

    return {_BOKEH: json_item(figure), "text/plain": f"{type(figure).__name__}(...)"}


def _great_table(table: Any) -> str:
    """Return a table under a name that is the same each time."""
    return table.with_id(f"table-{next(_NUMBERS)}").as_raw_html()


def _polars(frame: Any) -> str:
    """Return a table without the types of its columns, with the settings of its author."""
    import polars as pl

    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_cols=-1):
        if not pl.Config.state(if_set=True).get("POLARS_FMT_MAX_ROWS"):
            pl.Config.set_tbl_rows(_ROWS)
        return frame._repr_html_()


def _show(figure: Any, *_: Any, **__: Any) -> None:
    """Show a figure where it is asked for, instead of in a browser."""
    from IPython.display import display

    display(figure)


_REPLACED: dict[str, dict[str, Callable]] = {
    "bokeh.io.showing": {"show": _show},
    "bokeh.io.output": {"output_notebook": lambda *_, **__: None},
}


class _Finder(importlib.abc.MetaPathFinder):
    """Replaces the functions of Bokeh that open a browser, when it is imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Find a module as Python does, and change it after it is there."""
        if name not in _REPLACED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            original = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                original(module)
                for function, new in _REPLACED[name].items():
                    setattr(module, function, new)

            setattr(spec.loader, "exec_module", exec_module)  # noqa: B010
        return spec
