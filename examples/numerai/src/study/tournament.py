"""The Numerai tournament: features without names, and a target to be ranked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.manifold import TSNE
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RandomizedSearchCV, cross_val_predict
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

TARGET, ERA = "target", "era"


def search(seed: int) -> RegressorMixin:
    """Return a search for good settings of boosted trees."""
    settings = {"max_leaf_nodes": [3, 7, 15, 31], "learning_rate": [0.01, 0.03, 0.1, 0.3]}
    trees = HistGradientBoostingRegressor(random_state=seed)
    return RandomizedSearchCV(trees, settings, n_iter=6, cv=3, random_state=seed)


MODELS: dict[str, Callable[[int], RegressorMixin]] = {
    "linear": lambda seed: Ridge(alpha=100),
    "support-vectors": lambda seed: make_pipeline(StandardScaler(), SVR(C=0.1)),
    "boosting": lambda seed: HistGradientBoostingRegressor(learning_rate=0.05, random_state=seed),
    "network": lambda seed: make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=50, random_state=seed)
    ),
    "search": search,
}


def subset(path: Path, names: list[str], every: int) -> pd.DataFrame:
    """Read some columns of some eras; whole files do not fit into the memory of a laptop.

    Args:
        path: A Parquet file of the tournament.
        names: Features to read.
        every: One era of so many is kept; those between overlap in time.

    Returns:
        One row per stock and era: `id` and `era`, text; features, int8; `target`, float32, missing
        where it is not known yet.
    """
    table = pd.read_parquet(path, columns=[ERA, *names, TARGET])
    eras = table[ERA].unique()
    return table[table[ERA].isin(eras[::every])].reset_index()


def adversarial(train: pd.DataFrame, live: pd.DataFrame, seed: int) -> dict:
    """Tell how well a forest tells live rows from those to learn from.

    Args:
        train: As `subset` returns it.
        live: As `subset` returns it.
        seed: Root of the random stream.

    Returns:
        `auc`: 0.5 where nobody could tell, 1 where they have nothing in common. `rows`: of each.
    """
    rows = min(len(train), len(live))
    names = _features(train)
    both = pd.concat([_some(train, rows, seed), _some(live, rows, seed)])
    is_live = np.repeat([0, 1], rows)
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=seed)
    guessed = cross_val_predict(forest, both[names], is_live, cv=3, method="predict_proba")
    return {"rows": rows, "auc": round(float(roc_auc_score(is_live, guessed[:, 1])), 6)}


def neighbours(train: pd.DataFrame, live: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """Lay some rows out in a plane so that alike ones lie close together (t-SNE).

    van der Maaten and Hinton (2008), https://jmlr.org/papers/v9/vandermaaten08a.html

    Returns:
        Columns `x` and `y`, float64, without unit; `part`, "train" or "live".
    """
    rows = min(rows, len(train), len(live))
    both = pd.concat([_some(train, rows, seed), _some(live, rows, seed)])
    values = both[_features(train)].to_numpy(dtype=float)
    plane = TSNE(init="pca", perplexity=min(30, rows // 3), random_state=seed).fit_transform(values)
    parts = np.repeat(["train", "live"], rows)
    return pd.DataFrame({"x": plane[:, 0], "y": plane[:, 1], "part": parts}).round(2)


def predict(model: str, train: pd.DataFrame, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Train a model on `train`, and rank the rows of `table` by it.

    Returns:
        `id`, `era` and `prediction`, the rank in the era from 0 to 1; `target` as in `table`.
    """
    names = _features(train)
    fitted = MODELS[model](seed).fit(train[names], train[TARGET])
    found = table[["id", ERA, TARGET]].assign(prediction=fitted.predict(table[names]))
    ranks = found.groupby(ERA)["prediction"].rank(pct=True, method="first")
    return found.assign(prediction=ranks.round(6))


def split(train: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the earlier eras to learn from, and the last ones to judge by."""
    eras = train[ERA].unique()
    judged = eras[len(eras) - max(1, round(share * len(eras))) :]
    later = train[ERA].isin(judged)
    return train[~later], train[later]


def score(predictions: pd.DataFrame) -> dict:
    """Return the correlation of ranks with the target: its mean over eras, and that by its sd."""
    eras = predictions.groupby(ERA)[["prediction", TARGET]]
    by_era = eras.apply(lambda era: era["prediction"].corr(era[TARGET], method="spearman"))
    mean, spread = by_era.mean(), by_era.std()
    sharpe = round(float(mean / spread), 6) if spread > 0 else None
    return {"eras": len(by_era), "correlation": round(float(mean), 6), "sharpe": sharpe}


def _features(table: pd.DataFrame) -> list[str]:
    return [name for name in table if name.startswith("feature_")]


def _some(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return table.sample(rows, random_state=seed)
