"""Work on the data of an experiment while no build of it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab.experiments import Experiment


@contextmanager
def alone(experiment: Experiment) -> Iterator[None]:
    """Hold the lock of the experiment's builds; wait for one that runs."""
    import fcntl

    experiment.state.mkdir(parents=True, exist_ok=True)
    with open(experiment.state / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another make is building {experiment.name}; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
