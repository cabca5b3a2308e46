"""The workflows of examples/, built from local servers with data made up in their format."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import building
import numpy as np
import pandas as pd
import py7zr
import pytest
import rendering
from servers import podman, s3
from servers.contests import KAGGLE_KEY, KAGGLE_USER, Contests

pytestmark = pytest.mark.long

EXAMPLES = rendering.REPOSITORY / "examples"
IMAGE = "localhost/examples:1"


@pytest.fixture(scope="module")
def project(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the built project, and give it an environment with all optional packages."""
    folder = tmp_path_factory.mktemp("examples") / "project"
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns(".venv", "generated"))
    for example in examples():
        shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True)
    building.made(folder, "env", WITH="archives database s3")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """Return an empty cache."""
    return str(tmp_path / "cache")


def examples() -> list[str]:
    """Return the names of all examples."""
    return sorted(path.parent.name for path in EXAMPLES.glob("*/scripts"))


def experiment(example: str) -> str:
    """Return the name of the experiment of an example."""
    (found,) = (EXAMPLES / example / "scripts").iterdir()
    return found.name


def make(project: Path, example: str, cache: str, *words: str, **variables: str) -> str:
    """Run make on an example, expect success, and return what it printed."""
    chosen = {"EXPERIMENT": experiment(example), "CACHE": cache}
    return building.made(project, *words, **chosen, **variables)


def results(project: Path, example: str) -> Path:
    """Return the folder of the data of an example; its documents have to be there."""
    generated = project / "generated" / experiment(example)
    assert (generated / "outputs/report.pdf").read_bytes().startswith(b"%PDF")
    return generated / "assets/data"


def test_all_are_listed() -> None:
    """The page of the examples has a line for each, and the README leads there."""
    page = (EXAMPLES / "README.md").read_text()
    assert [name for name in examples() if f"[{name}]({name})" not in page] == []
    assert "examples/README.md" in (rendering.REPOSITORY / "README.md").read_text()


def test_research_dag(project: Path, cache: str) -> None:
    """A sweep is compared; a changed setting runs only what it affects, and comes back for free."""
    make(project, "research-dag", cache)
    table = pd.read_csv(results(project, "research-dag") / "comparison.csv")
    accuracy = table.pivot(index="model", columns="scaled", values="accuracy")
    assert len(table) == 6
    assert accuracy.loc["support-vectors", True] > accuracy.loc["support-vectors", False] + 0.1
    config = project / "scripts" / experiment("research-dag") / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("folds: 5", "folds: 4"))
    again = set(name.split(":")[0] for name in building.ran(make(project, "research-dag", cache)))
    assert {"score", "compare"} <= again <= {"score", "compare", "plot"}
    config.write_text(text)
    assert "0 steps run" in make(project, "research-dag", cache)
    plan = make(project, "research-dag", cache, "plan")
    assert "PENDING" not in plan


def icebergs(count: int, labelled: bool) -> bytes:
    """Return an archive as the competition packs it: icebergs are brighter in the middle."""
    rng = np.random.default_rng(count)
    records = []
    for number in range(count):
        label = number % 2
        bands = rng.normal(-20, 3, (2, 75, 75))
        bands[:, 30:45, 30:45] += 12 * label
        angle = "na" if number % 10 == 0 else 38.5
        record = {"id": f"{number:08x}", "inc_angle": angle, "is_iceberg": label}
        record |= {f"band_{i + 1}": band.ravel().round(3).tolist() for i, band in enumerate(bands)}
        records.append(record if labelled else {k: record[k] for k in record if k != "is_iceberg"})
    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as out:
        name = "train" if labelled else "test"
        out.writestr(json.dumps(records), f"data/processed/{name}.json")
    return packed.getvalue()


@pytest.fixture
def contests() -> Iterator[Contests]:
    """Start Kaggle and Numerai."""
    with Contests() as server:
        yield server


def test_iceberg(project: Path, cache: str, contests: Contests) -> None:
    """Archives become arrays, arrays a network; a change in its module runs what imports it."""
    for name, count in (("train", 120), ("test", 30)):
        file = f"competitions/statoil-iceberg-classifier-challenge/{name}.json.7z"
        contests.files[file] = icebergs(count, labelled=name == "train")
    with pytest.raises(AssertionError, match="KAGGLE_KEY"):
        make(project, "iceberg", cache, KAGGLE_API_ENDPOINT=contests.url)
    credentials = project / ".credentials.ini"
    credentials.write_text(
        f"[kaggle]\nusername = {KAGGLE_USER}\nkey = {KAGGLE_KEY}\nendpoint = {contests.url}\n"
    )
    make(project, "iceberg", cache, KAGGLE_USERNAME="nobody", KAGGLE_KEY="wrong")
    folder = results(project, "iceberg")
    with np.load(folder / "train.npz") as arrays:
        images = arrays["images"]
        assert images.shape == (120, 75, 75, 3)
        np.testing.assert_allclose(images[..., 2], images[..., :2].mean(axis=3), rtol=1e-5)
        assert np.isnan(arrays["angle"]).sum() == 12
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["loss"] < scores["loss_of_the_share"] / 2
    assert len(pd.read_csv(folder / "submission.csv")) == 30
    module = project / "src/study/icebergs.py"
    module.write_text(module.read_text().replace("EXAMPLES = 32", "EXAMPLES = 16"))
    again = building.ran(make(project, "iceberg", cache))
    assert {"fit", "score", "submission"} <= {name.split(":")[0] for name in again}
    credentials.unlink()


def passengers(count: int) -> bytes:
    """Return a table as the competition gives it: most women survive, most men do not."""
    rng = np.random.default_rng(7)
    female = rng.random(count) < 0.4
    table = pd.DataFrame(
        {
            "PassengerId": np.arange(1, count + 1),
            "Survived": (rng.random(count) < np.where(female, 0.8, 0.2)).astype(int),
            "Pclass": rng.integers(1, 4, count),
            "Name": [f'Doe, {"Mrs" if x else "Mr"}. "Jo" Jane' for x in female],
            "Sex": np.where(female, "female", "male"),
            "Age": np.where(rng.random(count) < 0.2, np.nan, rng.integers(1, 80, count)),
            "SibSp": rng.integers(0, 3, count),
            "Parch": rng.integers(0, 3, count),
            "Ticket": "A/5 21171",
            "Fare": rng.gamma(2, 15, count).round(4),
            "Cabin": "",
            "Embarked": "S",
        }
    )
    return table.to_csv(index=False).encode()


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start an S3 server with the bucket of the example; yield the variables that reach it."""
    if not s3.program():
        pytest.skip("weed is not installed")
    with s3.S3() as server:
        import s3fs

        store = s3fs.S3FileSystem(
            key=s3.KEY, secret=s3.SECRET, client_kwargs={"endpoint_url": server.url}
        )
        store.mkdir("kaggle-flow")
        store.pipe("kaggle-flow/titanic.csv", passengers(400))
        yield server.environment


def test_kaggle_flow(project: Path, cache: str, bucket: dict[str, str]) -> None:
    """One split serves all features and models; another seed is another split, and both stay."""
    make(project, "kaggle-flow", cache, JOBS="4", **bucket)
    folder = results(project, "kaggle-flow")
    train, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
    assert (len(train), len(test)) == (300, 100)
    assert not set(train["PassengerId"]) & set(test["PassengerId"])
    first = {path.name: path.read_bytes() for path in folder.glob("scores.*")}
    accuracy = [json.loads(text)["accuracy"] for text in first.values()]
    assert len(accuracy) == 3
    assert min(accuracy) > 0.65
    make(project, "kaggle-flow", cache, SEED="7", **bucket)
    assert (folder / "train.csv").read_bytes() != train.to_csv(index=False).encode()
    assert "0 steps run" in make(project, "kaggle-flow", cache, **bucket)
    assert {path.name: path.read_bytes() for path in folder.glob("scores.*")} == first


@pytest.fixture
def engine() -> Iterator[dict[str, str]]:
    """Set podman up with a small image; yield the variables that choose it."""
    with podman.storage() as env:
        podman.make_image(IMAGE, env)
        yield env


def eras(count: int, known: bool) -> bytes:
    """Return a table as the tournament gives it: the first feature tells a little."""
    rng = np.random.default_rng(count)
    rows = count * 60
    features = rng.integers(0, 5, (rows, 6)).astype("int8")
    table = pd.DataFrame(features, columns=[f"feature_{name}" for name in "abcdef"])
    noise = rng.integers(0, 5, rows)
    target = np.where(rng.random(rows) < 0.5, features[:, 0], noise) / 4
    table["target"] = pd.Series(target if known else np.full(rows, np.nan), dtype="float32")
    table.insert(0, "era", np.repeat([f"{era:04}" for era in range(1, count + 1)], 60))
    table.index = pd.Index([f"n{number:06x}" for number in range(rows)], name="id")
    packed = io.BytesIO()
    table.to_parquet(packed)
    return packed.getvalue()


def test_numerai(project: Path, cache: str, contests: Contests, engine: dict[str, str]) -> None:
    """One rule asks for everything: models, a picture of neighbours, and a step in a container."""
    sets = {"feature_sets": {"small": [f"feature_{name}" for name in "abcde"]}}
    contests.files["numerai/v5.0/features.json"] = json.dumps(sets).encode()
    contests.files["numerai/v5.0/train.parquet"] = eras(40, known=True)
    contests.files["numerai/v5.0/live.parquet"] = eras(2, known=False)
    config = project / "scripts" / experiment("numerai") / "config.yaml"
    config.write_text(config.read_text().replace("docker://debian:13-slim", IMAGE))
    variables = engine | {"NUMERAI_API_ENDPOINT": contests.url}
    make(project, "numerai", cache, **variables)
    folder = results(project, "numerai")
    counted = pd.read_csv(folder / "eras.csv")
    assert counted["rows"].tolist() == [60] * 10
    models = {path.name: json.loads(path.read_text()) for path in folder.glob("scores.*")}
    assert len(models) == 5
    assert min(scores["correlation"] for scores in models.values()) > 0.1
    assert abs(json.loads((folder / "adversarial.json").read_text())["auc"] - 0.5) < 0.15
    assert len(pd.read_csv(folder / "predictions.model=search.csv")) == 120
    make(project, "numerai", cache, "graph", **variables)
    assert podman.containers(engine) == []
