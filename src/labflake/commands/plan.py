"""Show what a build would do, before anything runs (`make plan`)."""

from labflake.content.contents import Contents
from labflake.programs import commands
from labflake.project.experiments import Experiment, current
from labflake.steps import graph
from labflake.steps.graph import Node


def main(argv: list[str]) -> None:
    """Print the steps as a tree, each COMPLETE, CACHED or PENDING and why."""
    experiment = current()
    nodes = graph.read(experiment)
    print(experiment.name)
    seen: set[str] = set()
    lines = [line for end in graph.ends(nodes) for line in _branch(nodes, end, "", seen)]
    lines += _papers(experiment, nodes)
    width = max((len(text) for text, _ in lines), default=0) + 2
    for text, note in lines:
        print(f"{text:<{width}}{note}".rstrip())
    place = str(experiment.generated)
    for text in sorted({commands.unseen(n.step.command, place) for n in nodes.values()} - {""}):
        print(f"note: {text}")
    print(_summary(nodes))


def _branch(
    nodes: dict[str, Node], name: str, indent: str, seen: set[str]
) -> list[tuple[str, str]]:
    """Return the lines of a step and, the first time it is shown, of what it needs."""
    node = nodes[name]
    if name in seen:
        return [(name, f"{node.state}, as above")] if node.needs else [(name, node.state)]
    seen.add(name)
    more = "; decides how many steps follow" if node.grows else ""
    lines = [(name, node.state + (f": {node.why}" if node.why else "") + more)]
    needs = [n for n in node.needs if n not in seen or not nodes[n].grows]
    for i, need in enumerate(needs):
        last = i == len(needs) - 1
        below = _branch(nodes, need, indent, seen)
        lines.append((("└─ " if last else "├─ ") + below[0][0], below[0][1]))
        lines += [(("   " if last else "│  ") + text, note) for text, note in below[1:]]
    return lines


def _papers(experiment: Experiment, nodes: dict[str, Node]) -> list[tuple[str, str]]:
    """Return a line for each document: they are built after all steps."""
    if not experiment.documents():
        return []
    from labflake.documents.run_documents import why_stale

    contents = Contents(str(experiment.generated))
    waits = any(n.state == graph.PENDING for n in nodes.values())
    lines = []
    for source in experiment.documents():
        why = "follows the steps" if waits else why_stale(experiment, contents, source)
        lines.append((source.name, f"{graph.PENDING}: {why}" if why else graph.COMPLETE))
    return lines


def _summary(nodes: dict[str, Node]) -> str:
    count = {
        s: sum(n.state == s for n in nodes.values()) for s in ("COMPLETE", "CACHED", "PENDING")
    }
    open_ = [name for name, node in nodes.items() if node.is_open]
    more = f"; {', '.join(open_)} will say how many more" if open_ else ""
    return (
        f"{count['PENDING']} to run, {count['CACHED']} from the cache,"
        f" {count['COMPLETE']} complete{more}"
    )
