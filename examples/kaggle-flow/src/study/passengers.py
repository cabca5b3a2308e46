"""Passengers of the Titanic: features, and models that use all of them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

KEY, TARGET = "PassengerId", "Survived"
TITLE = r", (?:the )?(\w+)"
MODELS: dict[str, Callable[[int], ClassifierMixin]] = {
    "logistic": lambda seed: LogisticRegression(max_iter=2000, random_state=seed),
    "forest": lambda seed: RandomForestClassifier(300, min_samples_leaf=3, random_state=seed),
    "boosting": lambda seed: GradientBoostingClassifier(random_state=seed),
}


def split(passengers: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the passengers to learn from and those to judge by, each in the order of the table.

    Args:
        passengers: One row per passenger, as the competition gives them.
        share: Of the passengers to judge by, between 0 and 1.
        seed: Root of the random stream.
    """
    order = np.random.default_rng(seed).permutation(len(passengers))
    judged = np.isin(np.arange(len(passengers)), order[: round(share * len(passengers))])
    return passengers[~judged], passengers[judged]


def sex(train: pd.DataFrame, all_: pd.DataFrame) -> pd.DataFrame:
    """Return 1 for women, 0 for men."""
    return pd.DataFrame({"is_female": (all_["Sex"] == "female").astype(int)})


def age(train: pd.DataFrame, all_: pd.DataFrame) -> pd.DataFrame:
    """Return the age in decades, the median of `train` where it is missing, and where it is."""
    filled = all_["Age"].fillna(train["Age"].median())
    return pd.DataFrame({"decades": filled / 10, "age_unknown": all_["Age"].isna().astype(int)})


def family(train: pd.DataFrame, all_: pd.DataFrame) -> pd.DataFrame:
    """Return the number of relatives on board, and whether there are none."""
    size = all_["SibSp"] + all_["Parch"]
    return pd.DataFrame({"relatives": size, "is_alone": (size == 0).astype(int)})


def fare(train: pd.DataFrame, all_: pd.DataFrame) -> pd.DataFrame:
    """Return the class, and the logarithm of the fare in pounds."""
    filled = all_["Fare"].fillna(train["Fare"].median())
    return pd.DataFrame({"class": all_["Pclass"], "log_fare": np.log1p(filled)})


def title(train: pd.DataFrame, all_: pd.DataFrame) -> pd.DataFrame:
    """Return how many of `train` with the same title survived: from 0 to 1, half where unseen."""
    titles = train["Name"].str.extract(TITLE)[0]
    rates = train[TARGET].groupby(titles).mean()
    return pd.DataFrame({"title": all_["Name"].str.extract(TITLE)[0].map(rates).fillna(0.5)})


# Each takes the passengers to learn from, and all; each returns one row for each of all.
FEATURES = {"sex": sex, "age": age, "family": family, "fare": fare, "title": title}


def features(name: str, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Return one family of features for all passengers, by their number.

    Args:
        name: A name of `FEATURES`.
        train: Passengers to learn from; means and rates come from them alone.
        test: Passengers to judge by.

    Raises:
        KeyError: If there is no such family.
    """
    everyone = pd.concat([train, test])
    found = FEATURES[name](train, everyone).round(6)
    return found.assign(**{KEY: everyone[KEY]}).sort_values(KEY)[[KEY, *found]]


def judge(
    model: str, tables: list[pd.DataFrame], train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict:
    """Train a model on all features; return how often it is right about the others.

    Args:
        model: A name of `MODELS`.
        tables: As `features` returns them.
        train: Passengers to learn from.
        test: Passengers to judge by.
        seed: Root of the random stream.

    Returns:
        `passengers` (int, judged), `accuracy` (the share that is right).
    """
    known = pd.concat([table.set_index(KEY) for table in tables], axis="columns")
    fitted = MODELS[model](seed).fit(known.loc[train[KEY]], train[TARGET])
    right = fitted.predict(known.loc[test[KEY]]) == test[TARGET].to_numpy()
    return {"passengers": len(test), "accuracy": round(float(right.mean()), 6)}
