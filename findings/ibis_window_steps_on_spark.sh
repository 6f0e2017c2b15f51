#!/bin/sh
# ibis 12.0.0 with Spark 4.0.5: a `mutate` with a sum over a window, made from the one before it, is a subquery of its
# own, and Spark's analyzer needs about two rounds for each. 60 such steps of one column end with "Max iterations (100)
# reached for batch Resolution"; 45 are fine, DuckDB runs 60, and so does Spark with spark.sql.analyzer.maxIterations.
# So a long chain of windows has to be cut in two on Spark: a part of it is held, without its query.
# Needs Java 17. Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'ibis-framework[duckdb,pyspark]==12.0.0' pyspark==4.0.5 duckdb==2.0.0 pandas==3.1.1 pyarrow==25.0.1 sqlglot==30.17.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import ibis
from pyspark.sql import SparkSession

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
session.sparkContext.setLogLevel("OFF")
spark, duck = ibis.pyspark.connect(session), ibis.duckdb.connect()
session.sql("select 1 as k, 2 as v").createOrReplaceTempView("t")
duck.raw_sql("create table t as select 1 as k, 2 as v")


def steps(con, number):
    table = con.table("t")
    for _ in range(number):
        table = table.mutate(v=table.v.sum().over(ibis.window(group_by="k")) + 1)
    return table.v.max().execute()


assert steps(spark, 45) == 47
assert steps(duck, 60) == 62
try:
    steps(spark, 60)
except Exception as error:
    assert "Max iterations (100) reached for batch Resolution" in str(error), error
else:
    raise SystemExit("60 steps are resolved: this is no longer so")
session.conf.set("spark.sql.analyzer.maxIterations", "1000")
assert steps(spark, 60) == 62
print("60 windows, one over the other: refused by Spark's analyzer after 100 rounds, run by DuckDB, and by Spark with more")
PYTHON
