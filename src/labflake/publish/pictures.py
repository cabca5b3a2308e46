"""Figures as PNG, which every forge shows; SVG is shown by some, and PDF by none."""

import re
import tempfile
from pathlib import Path

from labflake.errors import LabError

_PPI = 160.0
SHOWN = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_DRAWN = (".svg", ".pdf")
FIGURES = SHOWN + _DRAWN


def picture(path: Path) -> tuple[bytes, str]:
    """Return a figure as a picture that pages show, and its suffix; the same bytes each time.

    Raises:
        LabError: it cannot be read.
    """
    if path.suffix.lower() in SHOWN:
        return path.read_bytes(), path.suffix.lower()
    import typst

    with tempfile.TemporaryDirectory() as folder:
        name = f"figure{path.suffix.lower()}"
        Path(folder, name).write_bytes(path.read_bytes())
        page = Path(folder, "page.typ")
        page.write_text(
            f'#set page(width: auto, height: auto, margin: 4pt, fill: white)\n#image("{name}")\n'
        )
        try:
            made = typst.compile(str(page), root=folder, format="png", ppi=_PPI)
        except (RuntimeError, typst.TypstError) as error:
            said = re.sub(r"\s+", " ", str(error))[:200]
            raise LabError(f"{path.name} is no figure that can be shown: {said}") from None
    return (made[0] if isinstance(made, list) else made), ".png"
