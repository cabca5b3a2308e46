"""Nothing of a text is lost on the way to page and PDF: it is shown, or refused by its line."""

import json
import re
import subprocess
from pathlib import Path

import bs4
import pypandoc
import pypdf
import pytest
import writing

# One of each kind of block and inline that pandoc knows; capital words with a number must be seen.
KINDS = {
    "Plain": "- Plain1 word\n- Plain2",
    "Para": "Para1 and Para2.",
    "LineBlock": "| Line1\n|   Line2",
    "CodeBlock": "```\nCode1 {Code2}\n```",
    "RawBlock": "\\begin{center}\nRaw1\n\\end{center}",
    "BlockQuote": "> Quote1\n> > Quote2",
    "OrderedList": "3. Third1\n4. Fourth1\n\nText.\n\n(b) Second1\n\nText.\n\niv) Roman1",
    "BulletList": "- Bullet1\n\n  Bullet2\n    - Bullet3",
    "DefinitionList": "Term1\n:   Meaning1\n:   Meaning2",
    "Header": "### Head1 `Head2` $x$ {#h}\n\nText.",
    "HorizontalRule": "Before1\n\n* * *\n\nAfter1",
    "Table": "| TabA1 | TabB1 |\n|---|---|\n| TabC1 | **TabD1** |\n\n: Capt1",
    "Figure": "![Figure1 *Figure2*](assets/figures/bars.svg)",
    "Div": '<div class="unknown" data-x="y">\n\nDivision1\n\n<div class="notes2">\n\nDivision2'
    "\n\n</div>\n\n</div>",
    "Str": "Str1 Ümläut1 “Quoted1” 1--2 … Ω1 ≤ →",
    "Emph": "*Emph1*",
    "Underline": "[Under1]{.underline}",
    "Strong": "**Strong1**",
    "Strikeout": "~~Strike1~~",
    "Superscript": "x^Super1^",
    "Subscript": "H~Sub1~",
    "SmallCaps": "[Small1]{.smallcaps}",
    "Quoted": "\"Double1\" and 'Single1'",
    "Cite": "[see @knuth1984, pp. 3--4, Suffix1] and [Prefix1 @fig:bars, Suffix2]\n\n"
    "![B](assets/figures/bars.svg)",
    "Code": "`Code1 <b> *x*`{.python}",
    "Space": "Space1 Space2",
    "SoftBreak": "Soft1\nSoft2",
    "LineBreak": "Hard1\\\nHard2",
    "Math": "$Math = 1$ and $$\\text{Display1} = 2$$",
    "RawInline": "Raw1 \\textbf{Raw2 \\emph{Raw3}} Raw4",
    "Link": "[Link1](https://example.org 'Title') <https://example.org/Auto1> [Link2][r]\n\n[r]: https://e.org",
    "Image": "Inline1 ![Alt](assets/figures/bars.svg) Inline2",
    "Note": "Text[^n] and ^[Note1 *Note2*]\n\n[^n]: Note3\n\n    Note4\n\n    - Note5",
    "Span": "[Span1]{.unknown} [Span2]{style='color: red'} ==Mark1==",
}
CONTEXTS = {
    "heading": "### {}\n\nText.",
    "caption": "![{}](assets/figures/bars.svg)",
    "cell": "| a | b |\n|---|---|\n| {} | x |",
    "table caption": "| a |\n|---|\n| b |\n\n: {}",
    "item": "1. {}\n2. x",
    "term": "{}\n:   {}",
    "quotation": "> {}",
    "call-out": "> [!NOTE]\n> {}",
    "note": "Text^[{}].",
    "link": "[{}](https://example.org)",
    "division": '<div class="columns"><div class="column">\n\n{}\n\n</div></div>',
    "strong": "**{}**",
}
INLINES = (
    "Str",
    "Emph",
    "Underline",
    "Strikeout",
    "Superscript",
    "Subscript",
    "SmallCaps",
    "Quoted",
    "Code",
    "RawInline",
    "Span",
)
LOST = {
    "Text1.\n\n---\nNote: Kept1\n---\n\nText2.": None,
    "% Kept1\n\nText2.": None,
    "[Note]: Lost1 of it": "used nowhere",
    "```{=typst}\nLost1\n```": "only one format",
    "Text `Lost1`{=openxml}.": "only one format",
    "<!-- a --><video>Lost1</video>": "cannot show this HTML",
    "See \\mycommand{Lost1}.": "\\mycommand",
    "\\begin{tikzpicture}\nLost1\n\\end{tikzpicture}": "cannot be shown",
    "\\begin{table}\n\\input{lost.tex}\n\\end{table}": "\\input",
    "It is \\today.": "\\today",
    "\\newpage\n\nText.": "\\newpage",
    "\\begin{abstract}\nLost1\n\\end{abstract}": "Lost1",
    "\\nocite{knuth1984} x": "\\nocite",
    "See \\ref{none}.": "unknown reference",
    "\\begin{align}\na &= b \\label{eq:a} \\\\\nc &= d \\label{eq:b}\n\\end{align}": "one label",
}
PAPER = r"""
This is \emph{not} significant, see~\cite{knuth1984}, \citep[p.~3]{hunter2007},
\textbf{bold \textit{both}}, Fig.~\ref{fig:one}, \eqref{eq:main}, \autoref{tab:scores},
\cref{fig:one,tab:scores}\footnote{A \emph{note}.}.

\begin{equation}\label{eq:main}
E = m c^2
\end{equation}

\begin{table}[ht]
\centering\small
\caption{Scores of \emph{all}}
\label{tab:scores}
\begin{tabular}{lr}
\toprule
Name & Score \\
\midrule
a \& b & 1.5 \\
\bottomrule
\end{tabular}
\end{table}

\begin{table}
\resizebox{\textwidth}{!}{\begin{tabular}{@{}lS[table-format=2.1]@{}}
x & 2.5 \\
\end{tabular}}
\caption{Boxed\label{tab:boxed}}
\end{table}

\begin{figure}[t]
\includegraphics[width=0.5\textwidth]{assets/figures/bars.svg}
\caption{The figure}\label{fig:one}
\end{figure}

\begin{itemize}
\item one of \textsc{caps}
\end{itemize}

\begin{theorem}[Pythagoras] It holds.\end{theorem}

\section{Methods}\label{sec:methods}

Section~\ref{sec:methods}: \emph{value `{python} "50% a_b"`}, {\bf old}, Table~\ref{tab:boxed}.
"""
SENTENCES = [
    "This is not significant, see (Knuth 1984), (Hunter 2007, 3), bold both, Fig. 1, (1), Table 1, "
    "Figure 1, Table 1",
    "A note.",
    "Table 1. Scores of all",
    "a & b 1.5",
    "Figure 1. The figure",
    "one of caps",
    "Theorem (Pythagoras). It holds.",
    "1 Methods",
    "Section 1: value 50% a_b, old, Table 2.",
    "Table 2. Boxed",
]


_WORD = r"[A-ZÜΩ][\wä]*\d\b"


def _document(body: str) -> str:
    return f"---\ntitle: Lossless\nbibliography: references.bib\n---\n\n{body}\n"


def _built(folder: Path, bodies: list[str], name: str = "report.md") -> list[tuple[str, str, str]]:
    """Build a document of each body; return errors, or the texts of page and PDF."""
    project = writing.project(folder)
    sources = []
    for number, body in enumerate(bodies):
        experiment = f"2026-01-01-Case-{number}"
        writing.experiment(project, experiment)
        path = project / "scripts" / experiment / name
        path.write_text(_document(body), encoding="utf-8")
        sources.append(path)
    return [_seen(project, answer) for answer in writing.build(project, *sources)]


def _seen(project: Path, answer: dict) -> tuple[str, str, str]:
    if answer["error"]:
        return answer["error"], "", ""
    source = Path(answer["source"])
    base = writing.outputs(project, source.parent.name) / source.stem
    page = bs4.BeautifulSoup(base.with_suffix(".html").read_text(encoding="utf-8"), "html.parser")
    pdf = pypdf.PdfReader(base.with_suffix(".pdf"))
    text = " ".join(p.extract_text() for p in pdf.pages)
    return "", _plain(page.get_text()), _plain(text)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def _own_names(markdown: str, number: int) -> str:
    """Return a text whose footnote, link, label and words are no other text's."""
    markdown = re.sub(_WORD, lambda m: f"{m[0]}{number:02}", markdown)
    names = {"[^n]": f"[^n{number}]", "[r]": f"[r{number}]", "#h": f"#h{number}"}
    return re.sub(r"\[\^n\]|\[r\]|#h\b", lambda m: names[m[0]], markdown)


def _words(markdown: str) -> set[str]:
    return set(re.findall(_WORD, markdown))


def _tags(markdown: str) -> set[str]:
    """Return the kinds of blocks and inlines that pandoc reads in a text."""
    command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", "json"]
    done = subprocess.run(command, input=markdown, capture_output=True, text=True, check=True)
    return set(
        re.findall(r'"t":"(\w+)"', json.dumps(json.loads(done.stdout), separators=(",", ":")))
    )


def test_every_kind_of_pandoc_is_tried() -> None:
    """Each name is a kind that its example has, and no constructor of pandoc is left out."""
    script = "for k, v in pairs(pandoc.%s.constructor) do print(k) end"
    known = set()
    for family in ("Block", "Inline"):
        command = [pypandoc.get_pandoc_path(), "lua", "-e", script.replace("%s", family)]
        known |= set(subprocess.run(command, capture_output=True, text=True).stdout.split())
    known -= {"clone"}
    assert known == set(KINDS)
    assert [name for name, text in KINDS.items() if name not in _tags(text)] == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["report.md", "2026-01-02-talk.md"])
def test_every_kind_of_block_and_inline_is_shown(name: str, tmp_path: Path) -> None:
    """One of each, and inlines in each place that has text: all words are in page and PDF."""
    inline = " ".join(KINDS[kind] for kind in INLINES)
    nested = [text.replace("{}", inline) for text in CONTEXTS.values()]
    bodies = [_own_names(text, n) for n, text in enumerate([*KINDS.values(), *nested])]
    whole = "\n\n".join(f"## S\n\n{text}" for text in bodies)
    ((error, page, pdf),) = _built(tmp_path, [whole], name)
    assert error == ""
    for text in bodies:
        assert [word for word in sorted(_words(text)) if word not in page] == [], text
        assert [word for word in sorted(_words(text)) if word not in pdf] == [], text


@pytest.mark.long
def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    """TeX, HTML and other formats, and addresses that no link uses: line and reason."""
    for text, (error, page, pdf) in zip(LOST, _built(tmp_path, [*LOST]), strict=True):
        if LOST[text] is None:
            assert (error, "Kept1" in page, "Kept1" in pdf) == ("", True, True), text
        else:
            assert re.match(r"scripts/\S+/report.md:[678]: ", error), (text, error)
            assert LOST[text] in error, (text, error)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Build a report with the TeX of a paper; return the texts of page and PDF."""
    ((error, page, pdf),) = _built(tmp_path_factory.mktemp("paper") / "p", [PAPER])
    assert error == ""
    return page, pdf


@pytest.mark.parametrize("sentence", SENTENCES)
def test_tex_of_papers_is_translated(sentence: str, paper: tuple[str, str]) -> None:
    """Emphasis, citations, references, footnotes, tables, figures, lists and theorems of LaTeX."""
    page, pdf = paper
    assert sentence in page
    assert sentence in pdf
