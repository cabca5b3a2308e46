"""Which command brings a module that an `import` did not find."""

import re
import sys

from labflake.environment.requirements import wanted_groups
from labflake.project import packages
from labflake.project.experiments import root

# Where the name to import is not the name to install.
_DISTRIBUTIONS = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "osgeo": "gdal",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "snappy": "python-snappy",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_SAID = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


def advice(text: str, experiment: str = "") -> str:
    """Return the line that ends an error: how to get the module that was not found; else "".

    Args:
        text: what Python said.
        experiment: the one whose program it was; its own modules are not packages.
    """
    found = _SAID.findall(text)
    if not found or _is_ours(found[-1].split(".")[0], experiment):
        return ""
    name = distribution(found[-1])
    always, optional = _groups_of(name)
    if always:
        return ""
    if optional:
        return f"{name} is in an optional group: make env WITH={optional}"
    return f"it is not installed here: make add PACKAGE={name}"


def distribution(module: str) -> str:
    """Return the name under which a module is installed, as far as it is known."""
    parts = module.split(".")
    dotted = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    known = next((_DISTRIBUTIONS[d] for d in dotted if d in _DISTRIBUTIONS), parts[0])
    return packages.named(known)


def _is_ours(module: str, experiment: str) -> bool:
    """Tell whether a module is Python's own, the project's or the experiment's."""
    folders = [root(), root() / "src", root() / "scripts", root() / "scripts" / experiment]
    places = [place for folder in folders for place in (folder / module, folder / f"{module}.py")]
    return module in sys.stdlib_module_names or any(place.exists() for place in places)


def _groups_of(name: str) -> tuple[bool, str]:
    """Tell whether everybody gets a package, and else the first optional group that has it."""
    pyproject = packages.facts(root())
    found = [p for p in packages.locked(root()) if p["name"] == name and not p.get("optional")]
    groups = [group for package in found for group in package.get("groups", ["main"])]
    always = set(wanted_groups(pyproject, []))
    return bool(always & set(groups)), next(iter(groups), "")
