"""The words that a document brings itself, in its language: Figure, Table, Contents and others.

They come from the data of pandoc, Typst and docutils, which Snakemake needs anyway.
"""

import re
import subprocess
import unicodedata
from functools import cache
from typing import Any

from labflake.documents import languages
from labflake.programs import pandoc

_PANDOC: tuple[str, ...] = (
    "Abstract", "Appendix", "Bibliography", "Contents", "Figure", "Listing", "References", "Table",
)  # fmt: skip
_TYPST = {
    "Section": "#heading[a]<w>",
    "Equation": '#math.equation(block: true, numbering: "1")[]<w>',
}
_TYPST["Listing"] = '#figure(raw("a"), caption: [a])<w>'
_DOCUTILS = ("Note", "Tip", "Important", "Warning", "Caution")
_KEYWORDS = {  # the one word that none of them has
    "de": "Schlagwörter", "es": "Palabras clave", "fr": "Mots-clés", "it": "Parole chiave",
    "nl": "Trefwoorden", "pl": "Słowa kluczowe", "pt": "Palavras-chave", "sv": "Nyckelord",
}  # fmt: skip
_BETTER = {"fr": {"Section": "Section"}}  # Typst says Chapitre


def is_known(language: Any) -> bool:
    """Tell whether there are words of a language, which is given by a code like de or pt-BR."""
    if not isinstance(language, str) or not languages.is_code(language):
        return False
    return languages.base(language) == "en" or bool(_of_pandoc(language))


@cache
def words(language: str) -> dict[str, str]:
    """Return the words by their English ones; English where nobody knows better."""
    english = {word: word for word in (*_PANDOC, *_TYPST, *_DOCUTILS, "Keywords")}
    base = languages.base(language)
    if base == "en":
        return english
    found = _of_typst(language) | _of_docutils(language) | _of_pandoc(language)
    if languages.script(language) == "Latn":
        found = {name: languages.in_latin(word) for name, word in found.items()}
    found["Keywords"] = _KEYWORDS.get(base, "Keywords")
    return english | found | _BETTER.get(base, {})


def direction(language: str) -> str:
    """Return whether the language is written from the left (ltr) or from the right (rtl)."""
    first = words(language)["Figure"][0]
    return "rtl" if unicodedata.bidirectional(first) in ("R", "AL") else "ltr"


def quotes(language: str) -> tuple[str, ...]:
    """Return the quotation marks of a language: the outer two, then the inner two."""
    from docutils.utils.smartquotes import smartchars

    known = smartchars.quotes
    codes = (code.lower() for code in languages.lookup(language))
    return tuple(next((known[code] for code in codes if code in known), "“”‘’"))


def for_typst(language: str) -> str:
    """Return the language as arguments of Typst's `text`."""
    region = languages.region(language)
    return f'lang: "{languages.base(language)}"' + (f', region: "{region}"' if region else "")


@cache
def _of_pandoc(language: str) -> dict[str, str]:
    """Return the words of pandoc's translations; nothing for a language that it does not know."""
    import yaml

    for code in languages.lookup(language):
        option = f"--print-default-data-file=translations/{code}.yaml"
        done = subprocess.run([pandoc.path(), option], capture_output=True)
        if done.returncode == 0:
            found = yaml.safe_load(done.stdout.decode())
            return {word: found[word] for word in _PANDOC if found.get(word)}
    return {}


def _of_typst(language: str) -> dict[str, str]:
    """Return the words with which Typst refers to a thing, as it stands in its answer."""
    import typst

    found = {}
    for word, example in _TYPST.items():
        source = f"#set text({for_typst(languages.with_region(language))})\n{example}".encode()
        compiler = typst.Compiler(input=source, ignore_system_fonts=True)
        supplement = compiler.query("<w>", field="supplement")
        if match := re.search(r'"text": "(.+?)"', supplement):
            found[word] = match[1]
    return found


def _of_docutils(language: str) -> dict[str, str]:
    from docutils.languages import get_language

    labels = get_language(languages.with_region(language)).labels
    return {word: labels[word.lower()].strip("!！¡").capitalize() for word in _DOCUTILS}
