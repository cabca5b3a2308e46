"""Refuse answers that cannot become a project, before anything is rendered."""

# cookiecutter may run on an older Python than the project.
from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

# tojson writes ASCII and escapes quotes and angle brackets: what was answered arrives as data.
ANSWERS = r"""{{ cookiecutter | tojson }}"""
AS_GIVEN = r"""{{ (_cookiecutter | default({})) | tojson }}"""

EXAMPLES = {
    "project_name": "Covariance Priors",
    "project_slug": "covariance-priors",
    "author": "Grace Hopper",
    "email": "grace@example.org",
    "description": "How much does a prior help when samples are few?",
}
TEMPLATE_CODE = re.compile(r"\{[#%{]")
EMAIL = re.compile(r"[^\s@\"'\\<>(),;:]+@[^\s@\"'\\<>(),;:]+\.[^\s@\"'\\<>(),;:]+")
SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.IGNORECASE)
# Joiners are part of Indic and Persian words and of emoji, marks of direction part of
# right-to-left text. Every other invisible character can hide or reorder what is read.
INVISIBLE_BUT_FINE = "\u200c\u200d\u200e\u200f"
KINDS = {
    "Cc": "a line break or another control character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Cf": "an invisible character that can hide or reorder text",
    "Cs": "half a character (a byte that is not UTF-8, or a lone surrogate)",
}


def main() -> None:
    """Stop at the first answer that is refused."""
    answers, given = json.loads(ANSWERS), json.loads(AS_GIVEN)
    texts = ("project_name", "author", "email", "description")
    for question in texts:
        # cookiecutter has rendered what came from its command line: look at that form first.
        refuse(question, str(given.get(question, "")), fault_of_template_code)
        refuse(question, str(answers[question]), fault_of_template_code)
    refuse_old_cookiecutter(answers)
    for question in texts:
        refuse(question, str(answers[question]), fault_of_text)
    refuse("author", answers["author"], fault_of_author)
    refuse("email", answers["email"], fault_of_email)
    refuse("project_slug", answers["project_slug"], fault_of_slug)
    refuse("project_slug", answers["project_slug"], lambda slug: fault_of_package(slug, answers))


def refuse_old_cookiecutter(answers: dict) -> None:
    """Leave if what is derived from the answers was not derived: files would hold template code."""
    derived = [value for name, value in answers.items() if name[:2] == "__"]
    raw = [value for value in derived if isinstance(value, str) and TEMPLATE_CODE.search(value)]
    found = version_of_cookiecutter()
    if raw or re.match(r"[01]\.", found):
        name = f"cookiecutter {found}".rstrip()
        sys.exit(
            f"error: {name} would leave template code in your project\n"
            "  it does not fill in what is derived from answers; nothing is made\n"
            "  2.0 or later does: python3 -m venv ck && ck/bin/pip install cookiecutter\n"
            "  then run ck/bin/cookiecutter instead\n"
        )


def version_of_cookiecutter() -> str:
    """Return the version that runs this, "" where it cannot be asked."""
    try:
        return metadata.version("cookiecutter")
    except metadata.PackageNotFoundError:
        return ""


def refuse(question: str, answer: str, fault_of: Callable[[str], str | None]) -> None:
    """Leave with value, reason and a good example, if there is a fault."""
    if fault := fault_of(answer):
        value = repr(answer if len(answer) <= 60 else answer[:59] + "…")
        example = EXAMPLES[question]
        sys.exit(f"error: {question} {value} cannot be used\n  {fault}\n  a good one: {example}\n")


def fault_of_template_code(answer: str) -> str | None:
    """Say what is wrong with an answer that cookiecutter or cruft would run."""
    if found := TEMPLATE_CODE.search(answer):
        return f"it holds {found[0]}, and cookiecutter and cruft run what follows as a template"
    return None


def fault_of_text(answer: str) -> str | None:
    """Say why a text cannot be written into TOML, YAML and Markdown as one line."""
    if not answer.strip():
        return "it is empty"
    for character in answer:
        kind = KINDS.get(unicodedata.category(character))
        if ord(character) & 0xFFFE == 0xFFFE:
            kind = "which is not a character"
        if kind and character not in INVISIBLE_BUT_FINE:
            return f"it holds U+{ord(character):04X}, {kind}"
    return None if answer == answer.strip() else "it begins or ends with a blank"


def fault_of_author(author: str) -> str | None:
    """Say why a name cannot stand before an e-mail address."""
    if "<" in author or ">" in author:
        return "< and > enclose the e-mail address, which is a question of its own"
    return None


def fault_of_email(email: str) -> str | None:
    """Say why this is no e-mail address."""
    if not EMAIL.fullmatch(email):
        return "it needs a name, one @ and a domain with a dot, and no blank, quote or bracket"
    return None


def fault_of_slug(slug: str) -> str | None:
    """Say why this cannot name a folder and a Python package on every system."""
    if not slug:
        return "the project name leaves no letter or digit for it: answer it yourself"
    if WINDOWS_DEVICE.fullmatch(slug):
        return "Windows keeps this name for a device"
    if not SLUG.fullmatch(slug):
        return (
            "a folder and a package need letters a-z, digits and . _ -, at most 100,\n"
            "  with a letter or a digit first and last"
        )
    return None


def fault_of_package(slug: str, answers: dict) -> str | None:
    """Say if a package that every project installs has this name already.

    cruft does not tell where the template is: then nothing is said.
    """
    template = Path(os.environ.get("PWD", "."), answers.get("_repo_dir", ""))
    for lock in template.glob("*cookiecutter*/poetry.lock"):
        taken = re.findall(r'^name = "(.+)"$', lock.read_text(encoding="utf-8"), re.MULTILINE)
        if re.sub(r"[-_.]+", "-", slug).lower() in taken:
            return "a package that every project installs has this name"
    return None


if __name__ == "__main__":
    main()
