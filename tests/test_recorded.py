"""From an edit to the result without Snakemake: the same steps, and the same bytes."""

import json
import os
import random
import re
import sys
from pathlib import Path

import building
import pytest
import random_steps
from random_steps import GENERATED, SCRIPTS

GRAPHS, STATES, BUILDS = 20, 50, 50


@pytest.fixture(autouse=True)
def options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build without a cache, so that what has to run does run."""
    monkeypatch.setenv("LABFLAKE_CACHE", "off")
    monkeypatch.setenv("LABFLAKE_JOBS", "3")
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def chance() -> random.Random:
    """Draw anew in each run of the tests; its header says how to repeat it."""
    return random.Random(os.environ["EXACTNESS_SEED"])


def test_the_record_and_snakemake_choose_the_same_steps(
    tmp_path: Path, chance: random.Random
) -> None:
    """In a thousand states of experiments, the record tells the steps that Snakemake tells."""
    known = 0
    for number in range(GRAPHS):
        drawn = random_steps.draw(chance)
        project = random_steps.write(tmp_path / str(number), drawn)
        random_steps.in_a_fork(project, random_steps.build)
        seed = chance.random()
        said = random_steps.in_a_fork(project, lambda p=project, d=drawn, s=seed: _compare(p, d, s))
        known += int(said.split()[-1])
    assert known > GRAPHS * STATES // 3  # the others are left to Snakemake


def _compare(project: Path, drawn: random_steps.Drawn, seed: float) -> None:
    """Compare both in some states of an experiment; say in how many the record can tell."""
    from labflake.content.contents import Contents
    from labflake.processes import determinism
    from labflake.project.experiments import current
    from labflake.steps import changed, engine, limits, recorded, steps

    chance, known = random.Random(seed), 0
    experiment = current()
    request = engine.Request(experiment, limits.from_options(), {})
    jobs = engine.read(request, lambda path: False, lambda jobs: [])[-1]
    os.chdir(experiment.generated)
    for _ in range(STATES):
        random_steps.change(project, drawn, chance, code=False)
        contents = Contents(str(experiment.generated))
        change = changed.examine(experiment, contents)
        due = recorded.due(experiment, contents, change.steps, determinism.conditions())
        session = type("Session", (), {"contents": contents, "graph": contents.graph["id"]})
        differing = {job for job in jobs if steps.differs(job, session)}
        following = set(differing)
        for job in jobs:  # each after all that it needs
            if {*job.dag.dependencies[job]} & following:
                following.add(job)
        if due is not None:
            assert due.steps.keys() == {str(job.output[0]) for job in following}
            known += 1
        if chance.random() < 0.2:
            os.chdir(project)
            restore(project, drawn)
            os.chdir(experiment.generated)
    print(known)


def restore(project: Path, drawn: random_steps.Drawn) -> None:
    """Write what people write as it was."""
    for number, name in enumerate(drawn.inputs):
        (project / SCRIPTS / name).write_text(f"{name} {number}\n", encoding="utf-8")
