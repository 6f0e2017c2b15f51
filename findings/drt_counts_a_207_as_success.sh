#!/bin/sh
# drt-core 1.2.1 (reverse ETL), destination rest_api: an answer of 207 Multi-Status, with which batch interfaces of CRMs
# refuse single records, counts as a success of every record of the batch: the run ends with exit code 0 and reports
# both records of the example as synced, though the answer says that one of them was refused.
# So after a batch update through it, what a CRM refused must be looked up in the CRM.
# Prints what was seen; fails if it is otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'drt-core[duckdb]==1.2.1'
mkdir -p "$folder/home/.drt" "$folder/project/syncs"
cat >"$folder/home/.drt/profiles.yml" <<'YAML'
here:
  type: duckdb
  database: ":memory:"
YAML
cat >"$folder/project/drt_project.yml" <<'YAML'
name: example
profile: here
YAML
cd "$folder/project"
HOME="$folder/home" "$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

calls = []


class Crm(BaseHTTPRequestHandler):
    """A batch update that takes the first record and refuses the second."""

    def do_POST(self):
        calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answer = {
            "status": "COMPLETE",
            "results": [{"id": "1"}],
            "numErrors": 1,
            "errors": [{"status": "error", "category": "VALIDATION_ERROR", "context": {"ids": ["2"]}}],
        }
        body = json.dumps(answer).encode()
        self.send_response(207)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Crm)
Thread(target=server.serve_forever, daemon=True).start()
sync = f"""
name: companies
model: "select * from (values ('1', 'likely'), ('2', 'unlikely')) as t(id, band)"
destination:
  type: rest_api
  url: http://127.0.0.1:{server.server_port}/batch/update
  method: POST
  headers: {{ Content-Type: application/json }}
  body_mode: batch
  max_records_per_request: 100
  batch_template: |
    {{"inputs": [{{% for row in rows %}}{{"id": {{{{ row.id | tojson }}}}}}{{{{ "," if not loop.last }}}}{{% endfor %}}]}}
sync:
  mode: full
  on_error: fail
"""
Path("syncs/companies.yml").write_text(sync)
ran = subprocess.run(
    [Path(sys.executable).with_name("drt"), "run", "--output", "json"], capture_output=True, text=True, check=False
)
assert [[one["id"] for one in call["inputs"]] for call in calls] == [["1", "2"]], calls
assert ran.returncode == 0, ran.stderr
[told] = json.loads(ran.stdout)["syncs"]
seen = {name: told[name] for name in ("status", "rows_extracted", "rows_synced", "rows_failed")}
assert seen == {"status": "success", "rows_extracted": 2, "rows_synced": 2, "rows_failed": 0}, seen
print(f"drt-core 1.2.1: after a 207 that refuses one of two records: exit 0, {seen}")
PYTHON
