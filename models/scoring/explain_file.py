"""Score and explain a Parquet file of feature rows of any size, batch by batch: the file is never held."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic import whole_file
from data.errors import ContractError, NotEnoughHistoryError, SourceError
from data.sources.files import require_once
from models.estimators.bundle import Bundle
from models.estimators.sampling import KEYS
from models.explain.explainer import Precision, TopAttributions
from models.scoring.attributions import top_contributions
from models.scoring.score import model_matrix, require_features

BATCH_ROWS = 32_768
"""Rows held at a time: of 120 features 30 MB, and as much again while they are turned from columns into rows."""
BUFFER_BYTES = 256 * 1024
"""Read of a column at a time. Without it, or with ``pre_buffer``, a whole row group is held: often the whole file."""


def explain_file(
    bundle: Bundle,
    features: Path,
    out: Path,
    k: int = 5,
    *,
    batch_rows: int = BATCH_ROWS,
    precision: Precision = "float32",
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> int:
    """Write one row per row of ``features``, in its order, and return how many. ``out`` is written whole or not at all.

    ``features``: account_id, snapshot_date and the model's features, text as text; more columns are left aside.
    ``out``: account_id, snapshot_date, log_odds, base_log_odds, propensity, and feature_1, shap_log_odds_1 to k: the
    features of largest absolute SHAP value, the strongest first (all, if the model has fewer than ``k``).

    Log-odds and propensity are those of ``scoring.score``; SHAP values are its own within 1e-6, or with ``precision``
    float64 to the last bit. Raises SourceError if the file cannot be read, ModelError if features of the model are
    missing, ContractError for other columns that are missing or of the wrong kind and for rows without an account or a
    day or with an infinite value, NotEnoughHistoryError for no rows.
    """
    with _opened(features) as file:
        _check(bundle, features, file)
        if out.exists() and out.samefile(features):
            raise SourceError(
                asked=f"Explain the feature rows of {features}.",
                found="the file to write is that of the feature rows, which would be lost.",
                todo="Give another file with --out.",
            )
        explain = top_contributions(bundle.booster, k, precision, threads)
        done, total = 0, file.metadata.num_rows
        schema = _schema(file.schema_arrow, min(k, len(bundle.feature_names)))
        with whole_file(out) as place, pq.ParquetWriter(place, schema) as writer:
            batches = _batches(features, file, batch_rows, [*KEYS, *bundle.feature_names])
            for batch in batches:
                X = _matrix(bundle, batch)
                if _unfit(batch, X):
                    raise _refused(bundle, features, chain([batch], batches))
                explained = explain(X)
                writer.write_table(_table(bundle, batch, explained, schema))
                done += len(batch)
                progress(done, total)
    return done


def _opened(features: Path) -> pq.ParquetFile:
    with _reading(features):
        return pq.ParquetFile(features, buffer_size=BUFFER_BYTES, pre_buffer=False)


def _batches(features: Path, file: pq.ParquetFile, rows: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with _reading(features):
        yield from file.iter_batches(rows, columns=columns)


@contextmanager
def _reading(features: Path) -> Iterator[None]:
    """What Arrow says of a file that is none, or is damaged further on, as a SourceError."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            asked=f"Explain the feature rows of {features}.",
            found=f"it cannot be read as Parquet: {str(error).splitlines()[0][:300]}.",
            todo="Give a Parquet file of feature rows, such as `headroom features --out` writes.",
        ) from error


def _check(bundle: Bundle, features: Path, file: pq.ParquetFile) -> None:
    """Refuse, by name, what cannot be explained, before anything is written."""
    schema, names = file.schema_arrow, list(bundle.feature_names)
    asked = f"Explain the feature rows of {features}."
    require_once([name for name in schema.names if name in {*KEYS, *names}], asked)
    wrong = [f"missing: {name}" for name in KEYS if name not in schema.names]
    for name in names:
        if name in schema.names and not _is_of_kind(schema.field(name).type, is_text=name in bundle.categories):
            wanted = "text" if name in bundle.categories else "a number"
            wrong.append(f"{name} is {schema.field(name).type}, and {wanted} when the model was trained")
    if wrong:
        raise ContractError(asked, "; ".join(wrong), "Write the file as `headroom features --out` does.")
    require_features(bundle, schema.names, asked)
    if not file.metadata.num_rows:
        raise NotEnoughHistoryError(asked, "it has no rows.", "Choose a date on which there are customers.")


def _is_of_kind(kind: pa.DataType, *, is_text: bool) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_null(values):
        return True
    if is_text:
        return bool(pa.types.is_string(values) or pa.types.is_large_string(values))
    number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(is_it(values) for is_it in number)


def _matrix(bundle: Bundle, batch: pa.RecordBatch) -> pd.DataFrame:
    return model_matrix(bundle, batch.select(bundle.feature_names).to_pandas())


def _unfit(batch: pa.RecordBatch, X: pd.DataFrame) -> Counter[str]:
    """What no row may have, with the number of rows that have it."""
    infinite = dict(zip(X.columns, np.isinf(X.to_numpy()).sum(axis=0).tolist(), strict=True))
    counts = {f"{key} is empty": batch.column(key).null_count for key in KEYS}
    return +Counter(counts | {f"{name} is infinite": count for name, count in infinite.items()})


def _refused(bundle: Bundle, features: Path, batches: Iterable[pa.RecordBatch]) -> ContractError:
    """The error for rows that do not fit; ``batches`` are those from the first such row on."""
    counts = sum((_unfit(batch, _matrix(bundle, batch)) for batch in batches), Counter[str]())
    return ContractError(
        asked=f"Explain the feature rows of {features}.",
        found="; ".join(f"{what} in {count:,} {'row' if count == 1 else 'rows'}" for what, count in counts.items()),
        todo="Give every row its account and day, and leave a value empty that is not known or not finite.",
    )


def top_columns(k: int) -> list[tuple[str, str]]:
    """What the k strongest features of a row, and their SHAP values in log-odds, are called."""
    return [(f"feature_{at}", f"shap_log_odds_{at}") for at in range(1, k + 1)]


def _schema(given: pa.Schema, k: int) -> pa.Schema:
    name, number = pa.dictionary(pa.int32(), pa.string()), pa.float64()
    scores = [(column, number) for column in ("log_odds", "base_log_odds", "propensity")]
    parts = [part for feature, value in top_columns(k) for part in ((feature, name), (value, number))]
    return pa.schema([*[given.field(key) for key in KEYS], *scores, *parts])


def _table(bundle: Bundle, batch: pa.RecordBatch, explained: TopAttributions, schema: pa.Schema) -> pa.Table:
    names = pa.array(bundle.feature_names, pa.string())
    propensity = bundle.any_expansion.calibrator.propensity(explained.log_odds)
    columns = [*[batch.column(key) for key in KEYS], explained.log_odds]
    columns += [np.full(len(batch), explained.base), propensity]
    for features, values in zip(explained.features.T, explained.values.T, strict=True):
        columns += [pa.DictionaryArray.from_arrays(np.ascontiguousarray(features), names), np.ascontiguousarray(values)]
    return pa.table(columns, schema=schema)
