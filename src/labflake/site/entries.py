"""What the page says about each experiment."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from labflake.errors import LabError
from labflake.project.experiments import Experiment
from labflake.site import headers, links, metrics, states
from labflake.site.metrics import Metric
from labflake.site.states import State


@dataclass
class Entry:
    """One experiment. Title, question and abstract are Markdown until `markup` made them HTML."""

    name: str
    day: date
    title: str
    question: str
    abstract: str
    state: State
    tags: list[str] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    thumbnail: str = ""
    pull_request: str = ""
    problems: list[str] = field(default_factory=list)


def entry(experiment: Experiment) -> Entry:
    """Gather what is known of an experiment; what cannot be read is among its problems."""
    problems = []
    try:
        header = headers.read(experiment)
    except LabError as error:
        header, problems = {}, [str(error)]
    found, wrong = metrics.read(experiment, header.get("metrics"))
    return Entry(
        name=experiment.name,
        day=date.fromisoformat(experiment.name[:10]),
        title=_text(header, "title") or experiment.name[11:].replace("-", " "),
        question=_text(header, "question") or _text(header, "subtitle"),
        abstract=_text(header, "abstract"),
        state=states.state(experiment),
        tags=_tags(header),
        metrics=found,
        documents=links.documents(experiment),
        thumbnail=links.thumbnail(experiment, header.get("thumbnail")),
        pull_request=links.pull_request(experiment, header),
        problems=problems + wrong,
    )


def _text(header: dict[str, Any], key: str) -> str:
    """Return a text of the header without citations and references, which lead nowhere here."""
    text = str(header.get(key) or "").strip()
    return re.sub(r"\s*\[[^\[\]]*@[\w:-]+[^\[\]]*\]|(?<!\w)@(fig|tbl|eq|sec):[\w-]+", "", text)


def _tags(header: dict[str, Any]) -> list[str]:
    tags = header.get("tags") or header.get("keywords") or []
    tags = tags if isinstance(tags, list) else str(tags).split(",")
    return list(dict.fromkeys(str(tag).strip() for tag in tags if str(tag).strip()))
