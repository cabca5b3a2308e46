"""The pipeline: a step runs if and only if the content of something that it depends on changed."""

import os
from pathlib import Path

import building
import pytest
from building import TINY

make = building.for_experiment(building.made, TINY)
SNAKEFILE = """
    from labflake import code, step

    wildcard_constraints: letter="[ab]",

    rule all:
        input: expand("assets/data/loud-{letter}.txt", letter=["a", "b"]), "assets/data/both.txt",

    rule word:
        input: code=code("word.py"),
        output: "assets/data/{letter}.txt",
        params: times=config["times"],
        shell: step("python {input.code[0]} {wildcards.letter} {params.times} > {output}")

    rule shout:
        input: "assets/data/{letter}.txt",
        output: "assets/data/loud-{letter}.txt",
        shell: step("tr a-z A-Z < {input} > {output}")

    rule both:
        input: "assets/data/loud-a.txt", "assets/data/loud-b.txt",
        output: "assets/data/both.txt",
        shell: step("cat {input} > {output}")
"""
WORD = """
    import sys
    from study.words import repeat

    print(repeat(sys.argv[1], int(sys.argv[2])))
"""
WORDS = """
    def repeat(word, times):
        return " ".join([word] * times)
"""


@pytest.fixture
def tiny(built: Path, tmp_path: Path) -> Path:
    """Copy the project with a small experiment in it, built once."""
    project = building.copy(built, tmp_path / "projekt ö", generated=False)
    building.experiment(
        project, TINY, Snakefile=SNAKEFILE, config_yaml="times: 2\n", word_py=WORD, hashes_txt=""
    )
    words = project / "src" / "study" / "words.py"
    words.write_text(WORDS.replace("\n    ", "\n"), encoding="utf-8")
    make(project)
    return project


def read(project: Path, name: str) -> str:
    """Read a data file of the small experiment."""
    return (project / "generated" / TINY / "assets" / "data" / name).read_text(encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file, and fail if it is not there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_steps_make_what_the_snakefile_says(tiny: Path) -> None:
    """The outputs hold what the commands wrote."""
    assert read(tiny, "both.txt") == "A A\nB B\n"


def test_second_make_does_nothing(tiny: Path) -> None:
    """Nothing changed, so nothing runs."""
    assert make(tiny).splitlines()[-1] == "up to date"


def test_changed_parameter_reruns_what_uses_it(tiny: Path) -> None:
    """A parameter reaches the steps that have it and all that follow."""
    edit(tiny / "scripts" / TINY / "config.yaml", "2", "3")
    ran = building.ran(make(tiny))
    assert ran == ["both", "shout:a", "shout:b", "word:a", "word:b"]
    assert read(tiny, "both.txt") == "A A A\nB B B\n"


def test_parameter_set_back_comes_from_the_cache(tiny: Path) -> None:
    """An old state costs no step."""
    config = tiny / "scripts" / TINY / "config.yaml"
    edit(config, "2", "3")
    make(tiny)
    edit(config, "3", "2")
    assert building.ran(make(tiny)) == []
    assert read(tiny, "both.txt") == "A A\nB B\n"


def test_edited_module_reruns_the_steps_that_import_it(tiny: Path) -> None:
    """A module of src is an input of the programs that import it."""
    edit(tiny / "src" / "study" / "words.py", '" "', '"-"')
    assert "word:a" in building.ran(make(tiny))
    assert read(tiny, "both.txt") == "A-A\nB-B\n"


def test_edit_with_an_old_time_is_seen(tiny: Path) -> None:
    """A copy that keeps an old modification time (rsync -a) is a change all the same."""
    words = tiny / "src" / "study" / "words.py"
    edit(words, '" "', '"+"')
    os.utime(words, (1_000_000_000, 1_000_000_000))
    make(tiny)
    assert read(tiny, "both.txt") == "A+A\nB+B\n"


def test_comment_stops_where_the_bytes_are_the_same(tiny: Path) -> None:
    """A step that gives the same bytes again stops the wave."""
    edit(tiny / "src" / "study" / "words.py", "def repeat", "# a comment\ndef repeat")
    assert building.ran(make(tiny)) == ["word:a", "word:b"]


def test_touch_reruns_nothing(tiny: Path) -> None:
    """A new time on the same content is no change."""
    for path in [*(tiny / "src").rglob("*.py"), *(tiny / "scripts" / TINY).iterdir()]:
        path.touch()
    assert make(tiny).splitlines()[-1] == "up to date"


def test_artifact_edited_by_hand_is_named_and_restored(tiny: Path) -> None:
    """An edited artifact is made again, and the person is told."""
    target = tiny / "generated" / TINY / "assets" / "data" / "loud-a.txt"
    target.write_text("edited", encoding="utf-8")
    printed = make(tiny)
    assert "assets/data/loud-a.txt was changed by hand" in printed
    assert building.ran(printed) == []
    assert read(tiny, "loud-a.txt") == "A A\n"


def test_limits_are_read_also_where_nothing_is_to_do(tiny: Path) -> None:
    """A value that cannot be understood is an error in every build."""
    make(tiny)
    refused = building.make(tiny, EXPERIMENT=TINY, JOBS="many")
    assert refused.returncode == 2
    assert "JOBS=many is no whole number" in refused.stderr


def test_artifact_that_is_gone_is_named_and_restored(tiny: Path) -> None:
    """A removed artifact is made again, and the person is told."""
    (tiny / "generated" / TINY / "assets" / "data" / "loud-a.txt").unlink()
    assert "assets/data/loud-a.txt is gone" in make(tiny)
    assert read(tiny, "loud-a.txt") == "A A\n"


@pytest.mark.long
def test_edit_of_an_artifact_never_reaches_the_cache(tiny: Path) -> None:
    """Restored files are copies: writing into one leaves the cache as it was."""
    folder = tiny / "generated" / TINY / "assets" / "data"
    make(tiny, "clean")
    make(tiny)
    with (folder / "both.txt").open("a") as file:
        file.write("poison")
    make(tiny, "clean")
    make(tiny)
    assert read(tiny, "both.txt") == "A A\nB B\n"


def test_deleted_artifact_is_made_alone(tiny: Path) -> None:
    """An artifact is made by its path; nothing else runs."""
    target = f"generated/{TINY}/assets/data/loud-b.txt"
    (tiny / target).unlink()
    assert building.ran(make(tiny, target)) == []
    assert read(tiny, "loud-b.txt") == "B B\n"


def test_clean_build_comes_from_the_cache(tiny: Path) -> None:
    """A deleted generated/ is restored with no step and the same bytes."""
    before = read(tiny, "both.txt")
    make(tiny, "clean")
    printed = make(tiny)
    assert building.ran(printed) == []
    assert "5 from the cache" in printed
    assert read(tiny, "both.txt") == before


def test_other_clone_shares_the_cache(tiny: Path, tmp_path: Path) -> None:
    """A clone elsewhere restores everything that this one made."""
    other = building.copy(tiny, tmp_path / "clone", generated=False)
    assert building.ran(make(other)) == []
    assert read(other, "both.txt") == read(tiny, "both.txt")


def test_damaged_cache_entry_is_computed_again(tiny: Path) -> None:
    """A flipped byte in the cache is noticed, and never restored."""
    for stored in (tiny.parent / "cache" / "objects").rglob("*"):
        if stored.is_file():
            stored.chmod(0o644)
            stored.write_bytes(b"damaged" + stored.read_bytes())
    make(tiny, "clean")
    assert "word:a" in building.ran(make(tiny))
    assert read(tiny, "both.txt") == "A A\nB B\n"


def test_unwritable_cache_is_a_warning(tiny: Path, tmp_path: Path) -> None:
    """A cache that cannot be written costs its use, not the build."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the cache should be")
    make(tiny, "clean")
    done = building.make(tiny, EXPERIMENT=TINY, CACHE=str(blocked))
    assert done.returncode == 0
    assert "warning: " in done.stderr


def test_failed_step_leaves_no_output_and_shows_its_log(tiny: Path) -> None:
    """The error names the step, shows the end of its log, and nothing half-written stays."""
    snakefile = tiny / "scripts" / TINY / "Snakefile"
    edit(snakefile, "cat {input} > {output}", "cat {input} > {output}; echo the reason >&2; exit 3")
    done = building.make(tiny, EXPERIMENT=TINY, CACHE=str(tiny.parent / "cache"))
    assert done.returncode == 2  # make's own
    assert "step both failed: exit code 3" in done.stderr
    assert "the reason" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    edit(snakefile, "; echo the reason >&2; exit 3", "")
    make(tiny)
    assert read(tiny, "both.txt") == "A A\nB B\n"


def test_failed_step_shows_no_partial_output(tiny: Path) -> None:
    """A result that a failing step began is never under its final name."""
    snakefile = tiny / "scripts" / TINY / "Snakefile"
    edit(snakefile, "cat {input} > {output}", "echo half > {output}; exit 1")
    building.make(tiny, EXPERIMENT=TINY, CACHE=str(tiny.parent / "cache"))
    target = tiny / "generated" / TINY / "assets" / "data" / "both.txt"
    assert not target.exists() or target.read_text() == "A A\nB B\n"


def test_wildcards_are_told_apart(tiny: Path) -> None:
    """Steps that differ only in a wildcard have results of their own."""
    assert (read(tiny, "loud-a.txt"), read(tiny, "loud-b.txt")) == ("A A\n", "B B\n")


def test_removed_step_leaves_nothing_behind(tiny: Path) -> None:
    """An artifact that no step makes any more goes away."""
    snakefile = tiny / "scripts" / TINY / "Snakefile"
    edit(snakefile, ', "assets/data/both.txt",\n\nrule word', "\n\nrule word")
    make(tiny)
    assert not (tiny / "generated" / TINY / "assets" / "data" / "both.txt").exists()


FOLDERS = """
    import csv
    from labflake import step

    with open("../../scripts/2024-03-02-Folders/samples.csv") as file:
        SAMPLES = [row["name"] for row in csv.DictReader(file)]

    rule all:
        input: "assets/data/count.txt", "assets/data/parts",

    rule parts:
        input: "assets/data/raw",
        output: directory("assets/data/parts"),
        params: names=SAMPLES,
        shell:
            step(
                "mkdir -p {output}/deep;"
                " for n in {params.names}; do cat {input}/* > {output}/deep/$n; done"
            )

    rule middle:
        input: "assets/data/parts",
        output: temp("assets/data/middle.txt"),
        shell: step("ls {input}/deep > {output}")

    rule count:
        input: "assets/data/middle.txt",
        output: "assets/data/count.txt",
        shell: step("wc -l < {input} > {output}")
"""


@pytest.fixture
def folders(built: Path, tmp_path: Path) -> Path:
    """Give a copy of the project steps that read and make folders, and a temporary file."""
    project = building.copy(built, tmp_path / "project", generated=False)
    name = "2024-03-02-Folders"
    generated = building.experiment(
        project, name, Snakefile=FOLDERS, samples_csv="name\none\ntwo\n", hashes_txt=""
    )
    (generated / "assets" / "data" / "raw").mkdir(parents=True)
    (generated / "assets" / "data" / "raw" / "a.txt").write_text("a\n")
    make(project, EXPERIMENT=name)
    return generated


def again(folders: Path) -> str:
    """Build the experiment with folders once more."""
    return make(folders.parent.parent, EXPERIMENT=folders.name)


def test_folders_and_temporary_files_are_complete(folders: Path) -> None:
    """A built folder and a removed temporary file are no change."""
    assert again(folders).splitlines()[-1] == "up to date"
    assert not (folders / "assets" / "data" / "middle.txt").exists()


def test_file_edited_inside_an_input_folder_is_seen(folders: Path) -> None:
    """What a folder holds is part of the input."""
    (folders / "assets" / "data" / "raw" / "a.txt").write_text("b\n")
    assert "parts" in building.ran(again(folders))
    assert (folders / "assets" / "data" / "parts" / "deep" / "one").read_text() == "b\n"


def test_file_added_to_an_input_folder_is_seen(folders: Path) -> None:
    """A new file in an input folder is a change of it."""
    (folders / "assets" / "data" / "raw" / "b.txt").write_text("b\n")
    assert "parts" in building.ran(again(folders))
    assert (folders / "assets" / "data" / "parts" / "deep" / "one").read_text() == "a\nb\n"


@pytest.mark.parametrize("tamper", ["edit", "add", "remove"])
def test_folder_changed_by_hand_is_restored(folders: Path, tamper: str) -> None:
    """A made folder is what the step made, file by file."""
    deep = folders / "assets" / "data" / "parts" / "deep"
    if tamper == "edit":
        (deep / "one").write_text("edited\n")
    elif tamper == "add":
        (deep / "three").write_text("added\n")
    else:
        (deep / "one").unlink()
    assert "assets/data/parts was changed by hand" in again(folders)
    assert {p.name: p.read_text() for p in deep.iterdir()} == {"one": "a\n", "two": "a\n"}


def test_table_that_the_snakefile_reads_is_seen(folders: Path) -> None:
    """A Snakefile may read files beside it: a change there asks every step."""
    scripts = folders.parent.parent / "scripts" / folders.name
    (scripts / "samples.csv").write_text("name\none\ntwo\nthree\n")
    again(folders)
    assert (folders / "assets" / "data" / "count.txt").read_text().strip() == "3"


@pytest.mark.long
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1, "built": {"files": {}}}'])
def test_lost_or_foreign_manifest_costs_no_step(tiny: Path, text: str) -> None:
    """Without a manifest that this equipment wrote, the results come from the cache."""
    manifest = tiny / "generated" / TINY / ".labflake" / "manifest.json"
    manifest.write_text(text)
    assert building.ran(make(tiny)) == []
    assert read(tiny, "both.txt") == "A A\nB B\n"


PLOT = """
    import sys
    import matplotlib.pyplot as plt

    plt.plot([1, 3, 2])
    plt.savefig(sys.argv[1])
"""
PLOTTING = """
    from labflake import code, step

    rule all:
        input: expand("assets/figures/a.{kind}", kind=["svg", "png", "pdf"]),

    rule draw:
        input: code=code("draw.py"),
        output: "assets/figures/a.{kind}",
        shell: step("python {input.code[0]} {output}")
"""


@pytest.mark.long
def test_settings_of_matplotlib_change_no_figure(built: Path, tmp_path: Path) -> None:
    """Neither the settings in a person's home nor ones in the generated folder reach a figure."""
    home = tmp_path / "home"
    for folder in (home / ".config/matplotlib", home / "xdg/matplotlib"):
        folder.mkdir(parents=True)
        (folder / "matplotlibrc").write_text("font.size: 30\nlines.linewidth: 9\n")
    figures = []
    for variables in ({}, {"HOME": str(home)}, {"XDG_CONFIG_HOME": str(home / "xdg")}):
        project = building.copy(built, tmp_path / str(len(figures)), generated=False)
        building.experiment(project, TINY, Snakefile=PLOTTING, draw_py=PLOT, hashes_txt="")
        make(project, CACHE=str(project / "cache"), **variables)
        figures.append(building.artifacts(project))
    assert len(figures[0]) == 3
    assert figures[1:] == [figures[0]] * 2
    (project / "generated" / TINY / "matplotlibrc").write_text("font.size: 30\n")
    edit(project / "scripts" / TINY / "draw.py", "3, 2", "3, 1")
    refused = building.make(project, EXPERIMENT=TINY, CACHE=str(project / "cache"))
    assert refused.returncode == 2
    assert f"generated/{TINY}/matplotlibrc would change its figures; remove it" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_leads_to_a_checkpoint_stays(built: Path, tmp_path: Path) -> None:
    """A result is made again behind a complete checkpoint: what comes before it is no leftover."""
    project = building.copy(built, tmp_path / "p", generated=False)
    snakefile = """
        from labflake import step

        def parts(wildcards):
            with open(checkpoints.count.get().output[0]) as file:
                return [f"assets/data/{word}.txt" for word in file.read().split()]

        rule all:
            input: parts,

        rule before:
            output: "assets/data/before/words.txt",
            shell: step("echo one two > {output}")

        checkpoint count:
            input: "assets/data/before/words.txt",
            output: "assets/data/count.txt",
            shell: step("cat {input} > {output}")

        rule part:
            input: "assets/data/count.txt",
            output: "assets/data/{word}.txt",
            wildcard_constraints: word="one|two",
            shell: step("echo {wildcards.word} > {output}")
    """
    building.experiment(project, TINY, Snakefile=snakefile, config_yaml="{}\n", hashes_txt="")
    make(project)
    (project / "generated" / TINY / "assets/data/two.txt").unlink()
    make(project)
    assert read(project, "before/words.txt") == "one two\n"
    assert read(project, "two.txt") == "two\n"
    assert make(project).endswith("up to date\n")
