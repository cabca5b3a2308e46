"""Edits, saves during builds, deletions, checkouts, kills and builds in any order: always exact.

The tests make 300 transitions, always the same. `make exactness COUNT=5000` makes as many as asked
with a seed of its own, which pytest prints at its start; `EXACTNESS_SEED=…` repeats a run.
"""

import itertools
import os
import shutil
import tempfile
from pathlib import Path

import exactness
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

pytestmark = pytest.mark.long

LENGTH = 25  # transitions of one project
NUMBERS = itertools.product(["k", "factor", "offset", "bonus", "parts"], range(1, 5))
EDITS = st.sampled_from([*NUMBERS, *(("word", number) for number in range(3))])
VALUES = st.integers(1, 4)
NAMES = st.sampled_from(
    ["a/fit.json", "b/fit.json", "split/1.json", "part/1.json", "part/2.json", "total.json"]
)
MOMENTS = st.floats(0, 1.5)
STEPS = st.sampled_from(["fit", "split", "part", "total"])


class Exact(RuleBasedStateMachine):
    """A person, a machine that fails, and a build that must never be wrong."""

    seed_project: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="exactness-"))
        self.world = exactness.World(self.seed_project, self.folder)

    @rule(edit=EDITS)
    def edit(self, edit: tuple[str, int]) -> None:
        self.world.edit(*edit)

    @rule(value=VALUES, accept=st.booleans())
    def change_data(self, value: int, accept: bool) -> None:
        self.world.change_data(value, accept)

    @rule()
    def make(self) -> None:
        self.world.make()

    @rule(number=st.integers(2, 5))
    def override(self, number: int) -> None:
        self.world.make(seed=number)

    @rule(name=NAMES)
    def make_file(self, name: str) -> None:
        self.world.make_file(name)

    @rule(moment=MOMENTS, edit=EDITS)
    def save_while_it_builds(self, moment: float, edit: tuple[str, int]) -> None:
        self.world.make_while_saving(moment, *edit)

    @rule(
        moment=MOMENTS,
        how=st.sampled_from(
            ["group KILL", "group TERM", "group INT", "group HUP", "engine KILL", "engine TERM"]
        ),
    )
    def kill(self, moment: float, how: str) -> None:
        self.world.make_and_kill(moment, how)

    @rule(name=NAMES, how=st.sampled_from([*exactness.DAMAGES]))
    def damage(self, name: str, how: str) -> None:
        self.world.damage(name, how)

    @rule(name=st.sampled_from(["split", "part", "a"]))
    def remove_folder(self, name: str) -> None:
        self.world.damage(name, "delete")

    @rule(how=st.sampled_from(["clean", "no notes"]))
    def lose(self, how: str) -> None:
        self.world.damage("", how)

    @rule(step=STEPS, only=st.booleans())
    def redo(self, step: str, only: bool) -> None:
        self.world.redo(step, only)

    @rule(step=STEPS)
    def forget(self, step: str) -> None:
        self.world.forget(step)

    @rule()
    def commit(self) -> None:
        self.world.commit()

    @rule(number=st.integers(0, 3))
    def check_out(self, number: int) -> None:
        self.world.check_out(number)

    @rule()
    def clone(self) -> None:
        self.world.clone()

    @rule()
    def plan(self) -> None:
        self.world.plan()

    @rule()
    def settle(self) -> None:
        self.world.settle()

    def teardown(self) -> None:
        self.world.settle()
        shutil.rmtree(self.folder)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("share", [1, 2])
def test_no_sequence_of_events_gives_a_wrong_result(built: Path, share: int) -> None:
    """No stale result, no wrong hit, no false "up to date", no wrong count, no process left."""
    wanted = int(os.environ.get("EXACTNESS", "300"))
    machine = type("Exact", (Exact,), {"seed_project": built})
    run_state_machine_as_test(
        seed(f"{os.environ['EXACTNESS_SEED']} {share}")(machine),
        settings=settings(
            max_examples=max(1, wanted // LENGTH // 2),
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
