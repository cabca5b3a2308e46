"""Where the cache is: `CACHE`, else a folder in the user's own cache."""

import hashlib
import os
from pathlib import Path

from labflake.cache import limit
from labflake.cache.bucket import Bucket
from labflake.cache.folder import Folder
from labflake.project.options import flag, option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.cache import Cache

    most = limit.limit()


def chosen() -> "Cache":
    """Return the cache that `CACHE` names: a folder, the address of a store, or `off`.

    With `CACHE_READONLY=1` results come from it, and nothing in it is changed.

    Raises:
        LabError: it is none of these, `CACHE_SIZE` is no size, or a package is not installed.
    """
    from labflake.cache import Cache

    most = limit.limit()
    name = option("CACHE") or str(_home() / "steps")
    read_only = flag("CACHE_READONLY")
    if name == "off":
        return Cache(None)
    if "://" in name:
        # Only copies of this store: what is here is there, too.
        copies = hashlib.sha256(name.rstrip("/").encode()).hexdigest()[:16]
        return Cache(Folder(_home() / "s3" / copies), Bucket(name, read_only), most)
    place = Path(os.path.abspath(os.path.expanduser(name)))
    return Cache(Folder(place, read_only), most=most)


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "labflake"
