"""Is `flake.lock` a correct pin of what `flake.nix` asks for? Needs neither a network nor Nix.

Nix notices some of this, but not a wrong or malformed hash as long as nothing is fetched.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

INPUT = re.compile(r'inputs\.nixpkgs\.url = "github:(\w+)/(\w+)/([\w.-]+)";')


def problems(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the lock of the flake in this folder."""
    asked = INPUT.search((folder / "flake.nix").read_text(encoding="utf-8"))
    lock = json.loads((folder / "flake.lock").read_text(encoding="utf-8"))
    if not asked:
        yield "flake.nix: nixpkgs is not github:OWNER/REPOSITORY/BRANCH"
        return
    if (lock.get("version"), lock.get("root")) != (7, "root"):
        yield "flake.lock: not format version 7"
    if set(lock["nodes"]) != {"root", "nixpkgs"}:
        yield "flake.lock: locks something other than nixpkgs alone"
    owner, repository, branch = asked.groups()
    place = {"type": "github", "owner": owner, "repo": repository}
    node = lock["nodes"]["nixpkgs"]
    if node["original"] != place | {"ref": branch}:
        yield f"flake.lock: is for {node['original']}, but flake.nix asks for {branch}"
    yield from pin_problems(node["locked"], place)


def pin_problems(locked: dict, place: dict) -> Iterator[str]:
    """Yield what is wrong with the pinned revision."""
    if {key: locked.get(key) for key in place} != place:
        yield "flake.lock: the pin is of another repository"
    if not re.fullmatch(r"[0-9a-f]{40}", locked.get("rev", "")):
        yield "flake.lock: rev is not a commit"
    if not is_sha256(locked.get("narHash", "")):
        yield "flake.lock: narHash is not an SRI sha256"
    if not 1_600_000_000 < locked.get("lastModified", 0) < time.time():
        yield "flake.lock: lastModified is no plausible time"


def is_sha256(text: str) -> bool:
    """Tell whether the text is `sha256-` and 32 bytes in base64."""
    algorithm, _, digest = text.partition("-")
    try:
        return algorithm == "sha256" and len(base64.b64decode(digest, validate=True)) == 32
    except binascii.Error:
        return False
