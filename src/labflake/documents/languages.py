"""Codes of languages (BCP 47): how they are spelled, and under which others words are found."""

import locale
import re

_CODE = re.compile(
    r"[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?"
    r"(-(\w{5,8}|\d\w{3}))*(-[0-9a-wy-z](-\w{2,8})+)*(-x(-\w{1,8})+)?",
    re.I | re.A,
)
# Chinese has two scripts; its words are kept by script here, by region there (Unicode CLDR).
_REGIONS = {"Hans": "CN", "Hant": "TW"}
_TRADITIONAL = ("TW", "HK", "MO")
# Codes of three letters (ISO 639-2) and former ones; BCP 47 wants the shortest that there is now.
_CODES = """
    ara=ar bul=bg cat=ca ces=cs chi=zh cmn=zh cze=cs dan=da deu=de dut=nl ell=el eng=en
    est=et eus=eu fas=fa fin=fi fra=fr fre=fr ger=de gre=el heb=he hin=hi hrv=hr hun=hu
    ind=id isl=is ita=it jpn=ja kor=ko lat=la lav=lv lit=lt mo=ro nld=nl nno=nn nob=nb
    nor=no per=fa pol=pl por=pt ron=ro rum=ro rus=ru slk=sk slo=sk slv=sl spa=es srp=sr
    swe=sv tha=th tl=fil tur=tr ukr=uk vie=vi yue=zh-Hant-HK zho=zh
"""
_SHORTEST = dict(re.findall(r"(\S+)=(\S+)", _CODES))
_SERBIAN = dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True))
_SERBIAN |= {"љ": "lj", "њ": "nj", "џ": "dž"}


def is_code(text: str) -> bool:
    """Tell whether the text is spelled like the code of a language."""
    return bool(_CODE.fullmatch(text))


def canonical(code: str) -> str:
    """Return the code in the usual letters: `ZH-hant-tw` is zh-Hant-TW."""
    first, *rest = code.lower().split("-")
    single = next((i for i, part in enumerate(rest) if len(part) == 1), len(rest))
    spelled = {2: str.upper, 4: str.title}
    head = [spelled.get(len(part), str.lower)(part) for part in rest[:single]]
    return "-".join([first, *head, *rest[single:]])


def base(code: str) -> str:
    """Return the language without script and region."""
    return code.partition("-")[0].lower()


def script(code: str) -> str | None:
    """Return the script that a code names, or that its region writes Chinese in."""
    match = re.search(r"-([A-Z][a-z]{3})\b", canonical(code))
    if match or base(code) != "zh":
        return match and match[1]
    return "Hant" if region(code) in _TRADITIONAL else "Hans"


def region(code: str) -> str | None:
    """Return the region that a code names."""
    match = re.search(r"-([A-Z]{2})\b", canonical(code))
    return match and match[1]


def with_region(code: str) -> str:
    """Return the code for those who tell scripts apart by region."""
    known = _REGIONS.get(script(code) or "") if base(code) == "zh" else None
    return f"zh-{known}" if known else canonical(code)


def with_script(code: str) -> str:
    """Return the code for those who know Chinese by script only."""
    return f"zh-{script(code)}" if base(code) == "zh" else code


def lookup(code: str) -> list[str]:
    """Return the codes under which words may be found, the best one first."""
    parts = canonical(code).split("-")
    shorter = ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
    written = script(code)
    in_script = [f"{parts[0]}-{written}"] if written else []
    return [*dict.fromkeys([*shorter[:-1], *in_script, shorter[-1]])]


def in_latin(word: str) -> str:
    """Return a Serbian word in Latin letters; others stay."""
    latin = "".join(_SERBIAN.get(c.lower(), c) for c in word)
    return latin.capitalize() if word[:1].isupper() else latin


def meant(text: str) -> str | None:
    """Return the code that was probably meant: of a locale (pt_BR.UTF-8) or a name (german)."""
    known = locale.locale_alias.get(text.lower().strip(), text).partition(".")[0]
    known = known.partition("_")[0] if "_" not in text else known
    known = re.sub(r"\A[A-Za-z]+", lambda m: _SHORTEST.get(m[0].lower(), m[0]), known)
    code = canonical(known.replace("_", "-"))
    return code if is_code(code) and code.lower() != text.lower() else None
