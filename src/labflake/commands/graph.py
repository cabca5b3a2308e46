"""Draw the steps of an experiment and what they need (`make graph`)."""

from html import escape

from labflake.project.experiments import Experiment, current, relative
from labflake.steps import graph, names
from labflake.steps.graph import Node

_FILLS = {graph.COMPLETE: "#d9f0dd", graph.CACHED: "#dbe9f9", graph.PENDING: "#fde8c8"}
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 190, 44, 30, 46  # px, of a box and between boxes


def main(argv: list[str]) -> None:
    """Write `outputs/graph.svg`: a box a rule, its number of steps and their state."""
    experiment = current()
    nodes = graph.read(experiment)
    target = experiment.generated / "outputs" / "graph.svg"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(draw(experiment, nodes), encoding="utf-8")
    print(relative(target))


def draw(experiment: Experiment, nodes: dict[str, Node]) -> str:
    """Return the graph of the rules as an SVG document."""
    rules = _rules(nodes)
    rows = _rows(rules)
    places = _places(rows, rules)
    wide = max(len(row) for row in rows) if rows else 1
    size = wide * (_WIDTH + _ACROSS) + _ACROSS, len(rows) * (_HEIGHT + _DOWN) + _DOWN
    arrows = [_arrow(places[need], places[rule]) for rule in rules for need in rules[rule]["needs"]]
    boxes = [_box(rule, rules[rule]["states"], places[rule]) for rule in rules]
    return "\n".join([*_head(experiment.name, size), *arrows, *boxes, "</svg>", ""])


def _rules(nodes: dict[str, Node]) -> dict[str, dict]:
    """Join the variants of each rule; rules are in an order that respects what they need."""
    rules: dict[str, dict] = {}
    for name, node in nodes.items():
        rule = rules.setdefault(names.rule(name), {"needs": set(), "states": []})
        rule["needs"] |= {names.rule(n) for n in node.needs} - {names.rule(name)}
        rule["states"].append(node.state)
    return {name: rule | {"needs": sorted(rule["needs"])} for name, rule in rules.items()}


def _rows(rules: dict[str, dict]) -> list[list[str]]:
    """Put each rule one row below the lowest that it needs."""
    level: dict[str, int] = {}

    def depth(rule: str) -> int:
        if rule not in level:
            level[rule] = 1 + max((depth(n) for n in rules[rule]["needs"]), default=-1)
        return level[rule]

    rows: list[list[str]] = [[] for _ in range(max(map(depth, rules), default=-1) + 1)]
    for rule in rules:
        rows[level[rule]].append(rule)
    return rows


def _places(rows: list[list[str]], rules: dict[str, dict]) -> dict[str, tuple[float, float]]:
    """Return the middle of each box; a row is ordered by the middle of what its rules need."""
    wide = max((len(row) for row in rows), default=1) * (_WIDTH + _ACROSS)
    places: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):

        def pull(rule: str) -> float:
            needs = [places[n][0] for n in rules[rule]["needs"]]
            return sum(needs) / len(needs) if needs else 0

        gap = wide / len(row)
        for i, rule in enumerate(sorted(row, key=pull)):
            y = _DOWN + depth * (_HEIGHT + _DOWN) + _HEIGHT / 2
            places[rule] = (_ACROSS / 2 + gap * (i + 0.5), y)
    return places


def _head(title: str, size: tuple[int, int]) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img"'
        f' width="{size[0]}" height="{size[1]}" font-family="Helvetica, Arial, sans-serif">',
        f"<title>Steps of {escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>',
    ]


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = (start[0], start[1] + _HEIGHT / 2), (end[0], end[1] - _HEIGHT / 2)
    bend = (y2 - y1) / 2
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f}'
        f' {x2:.1f} {y2:.1f}" fill="none" stroke="#666" marker-end="url(#tip)"/>'
    )


def _box(rule: str, states: list[str], place: tuple[float, float]) -> str:
    x, y = place
    worst = next(s for s in (graph.PENDING, graph.CACHED, graph.COMPLETE) if s in states)
    number = f"{len(states)} steps, " if len(states) > 1 else ""
    return (
        f'<g text-anchor="middle"><rect x="{x - _WIDTH / 2:.1f}" y="{y - _HEIGHT / 2:.1f}"'
        f' width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{_FILLS[worst]}" stroke="#666"/>'
        f'<text x="{x:.1f}" y="{y - 3:.1f}" font-size="14" font-weight="bold">{escape(rule)}</text>'
        f'<text x="{x:.1f}" y="{y + 14:.1f}" font-size="11">{number}{worst.lower()}</text></g>'
    )
