"""Forget the result of a step, here and in the cache (`make forget STEP=fit`)."""

from labflake import cache
from labflake.commands.redo import step_named
from labflake.content.atomic import remove
from labflake.content.contents import Contents
from labflake.data_files import guarded
from labflake.project.experiments import current
from labflake.project.options import flag
from labflake.steps import graph


def main(argv: list[str]) -> None:
    """Remove what the step named by STEP made; DOWN=1 also what follows, UP=1 what it needs."""
    experiment = current()
    nodes = graph.read(experiment)
    wanted = graph.named(nodes, step_named("forget"))
    more = graph.followers(nodes, wanted) if flag("DOWN") else []
    more += graph.leaders(nodes, wanted) if flag("UP") else []
    contents = Contents(str(experiment.generated))
    store, data = cache.chosen(), guarded.of(experiment)
    for name in [n for n in nodes if n in {*wanted, *more}]:
        outputs = nodes[name].step.outputs
        data.refuse(name, outputs)
        record = contents.steps.pop(outputs[0], {})
        for key in filter(None, {record.get("key"), nodes[name].key}):
            store.forget(key)
        for path in outputs:
            remove(experiment.generated / path)
        print(f"forgotten: {name}")
    contents.save()
