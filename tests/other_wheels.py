"""Wheels of labflake with another version and other contents."""

import base64
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import rendering

Edit = Callable[[str, str], str]


def comment_everywhere(name: str, text: str) -> str:
    """Add a comment to every module."""
    return text + "# Another remark.\n" if name.endswith(".py") else text


def write(folder: Path, version: str, edit: Edit = comment_everywhere) -> Path:
    """Write a wheel with another version, in which each text of today's is edited."""
    folder.mkdir(parents=True, exist_ok=True)
    today = rendering.wheel()
    old = f"labflake-{today.name.split('-')[1]}.dist-info/"
    new = f"labflake-{version}.dist-info/"
    path = folder / f"labflake-{version}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(today) as source, zipfile.ZipFile(path, "w") as target:
        for info in source.infolist():
            content, name = source.read(info), info.filename.replace(old, new)
            if name == f"{new}METADATA":
                before, after = (f"\nVersion: {p[9:-11]}\n" for p in (old, new))
                content = content.decode().replace(before, after, 1).encode()
            if name != f"{new}RECORD" and b"\0" not in content:
                content = edit(name, content.decode()).encode()
            if name != f"{new}RECORD":
                target.writestr(name, content)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
                record.append(f"{name},sha256={digest.rstrip('=')},{len(content)}")
        record.append(f"{new}RECORD,,")
        target.writestr(f"{new}RECORD", "\n".join([*record, ""]))
    return path
