#!/bin/sh
# LightGBM 4.7.0: a round of boosting with bagging that finds no split, as of few rows, adds no tree, and training goes
# on. Early stopping counts rounds: `best_iteration` is the best round, and `predict`, which takes that many trees,
# takes more of them than were there in that round. So the model that is handed back has not the score that is told of
# it (`best_score`), and value i of the recorded evaluation is not that of the first i trees.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "lightgbm==4.7.0" "numpy==2.2.6" "scipy==1.15.3"
"$folder/venv/bin/python" - <<'PYTHON'
import lightgbm
import numpy as np

ROUNDS, PATIENCE = 400, 20
SETTINGS = {
    "objective": "binary", "metric": "binary_logloss", "min_data_in_leaf": 40, "bagging_fraction": 0.85,
    "bagging_freq": 1, "seed": 1, "num_threads": 1, "deterministic": True, "verbose": -1,
}


def drawn(rng, rows):
    values = rng.normal(size=(rows, 2))
    return values, (values[:, 0] + rng.normal(size=rows) > 0).astype(float)


def loss(came, told):
    return -np.mean(np.where(came == 1, np.log(told), np.log1p(-told)))


rng = np.random.default_rng(0)
few, came = drawn(rng, 96)
later, came_later = drawn(rng, 500)
data = lightgbm.Dataset(few, came)
model = lightgbm.train(
    SETTINGS, data, num_boost_round=ROUNDS, valid_sets=[data.create_valid(later, came_later)],
    callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
)
told = model.best_score["valid_0"]["binary_logloss"]
handed_back = loss(came_later, model.predict(later))
by_trees = [loss(came_later, model.predict(later, num_iteration=trees)) for trees in range(1, model.num_trees() + 1)]
best_trees = 1 + int(np.argmin(np.abs(np.array(by_trees) - told)))
assert abs(by_trees[best_trees - 1] - told) < 1e-9, "no number of trees has the score that is told"
assert best_trees < model.best_iteration, "the best round has as many trees as it says: this is no longer so"
assert handed_back - told > 1e-4, "the model that is handed back has the score that is told: this is no longer so"
print(
    f"lightgbm {lightgbm.__version__}: best_iteration {model.best_iteration}, best score {told:.5f}, which is that of "
    f"the first {best_trees} trees; predict() of the model that is handed back has {handed_back:.5f}"
)
PYTHON
