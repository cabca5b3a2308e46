"""Credentials in texts: those that are known here, those of a known form, and what is called so."""

import os
import re

from labflake.data_files.sources.secrecy import is_secret, known

_FILES = re.compile(
    r"(?i)(.*/)?(\.env(\.(?!example|sample|template)\w+)?|\.credentials\.ini|\.netrc|_netrc|\.pgpass"
    r"|\.git-credentials|\.pypirc|kaggle\.json|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|p12|pfx|jks)"
    r"|\.aws/credentials|credentials\.json|service[-_]account[^/]*\.json)"
)
_FORMS = re.compile(
    r"""
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    |\b(AKIA|ASIA)[0-9A-Z]{16}\b                                  # Amazon
    |\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{60,}            # GitHub
    |\bgl(pat|dt|rt|cbt)-[\w-]{20,}                               # GitLab
    |\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{35}|\bhf_[A-Za-z0-9]{30,}
    |\bsk-[A-Za-z0-9_-]{32,}|\b[sr]k_live_[A-Za-z0-9]{16,}
    |\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{40,}
    |\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}                   # a JSON web token
    """,
    re.VERBOSE,
)
_USERINFO = re.compile(r"://[^\s/@:'\"<>${}]*:([^\s/@'\"<>${}*]{3,})@")
_EXAMPLES = re.compile(r"(?i)pass(word|wd)?|secret|token|x{3,}|\.{3}|…|pw|user")
_NAMED = re.compile(
    r"""(?P<name>[A-Za-z][\w.-]*)["']?\s*(?::(?!:)|=(?!=))\s*["']?(?P<value>[\w+/=.~-]{12,})["']?\s*(?:[,;}\])#]|$)"""
)
_WEAK = re.compile(r"(?i)(?<![a-z])(key|auth|pat|sas|sig|signature|cookie|dsn|pass)(?![a-z])")
_KEYS = re.compile(r"(?i)(api|access|secret|private|account|encryption)[-_.]?key")
_LEAST = 8  # characters of a credential that is known here


def is_kept_in(path: str) -> bool:
    """Tell whether a file of this name is for credentials."""
    return _FILES.fullmatch(path) is not None


def line_with_one(content: bytes) -> int:
    """Return the number of the first line that holds a credential, 0 where none does."""
    mine = [each for each in known(os.environ) if _is_mixed(each) and len(each) >= _LEAST]
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if any(each in line for each in mine) or _FORMS.search(line) or _is_named(line):
            return number
        if any(not _EXAMPLES.fullmatch(m[1]) for m in _USERINFO.finditer(line)):
            return number
    return 0


def _is_named(line: str) -> bool:
    """Tell whether a line gives a value that looks like a credential to a name that means one."""
    for match in _NAMED.finditer(line):
        name, value = match["name"], match["value"]
        strong = _KEYS.search(name) or is_secret(_WEAK.sub("", name))
        if strong and _is_mixed(value) and not re.search(r"\.\w*[a-z_]{3,}$|environ|getenv", value):
            return True
    return False


def _is_mixed(text: str) -> bool:
    """Tell whether a text has digits and letters, as credentials have and names have not."""
    return bool(re.search(r"\d", text) and re.search(r"[A-Za-z]", text))
