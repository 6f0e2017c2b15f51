#!/bin/sh
# Prefect 3.8.8: who holds a slot of a concurrency limit renews a lease, and the server keeps leases in its memory, while
# the slot that is taken stands in its database. After a restart of the server it knows the lease no more (410 Gone), so
# that its holder can neither renew it nor give it back, and the slot still counts as taken. With
# PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem the lease is renewed.
# (FastAPI is held back, since with newer releases the server does not start.)
# Prints what was seen; fails if it is otherwise. Takes a minute; listens on 127.0.0.1:4917.
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "prefect==3.8.8" "fastapi==0.150.0"
export PREFECT_API_URL=http://127.0.0.1:4917/api PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1

started() {
    "$folder/venv/bin/prefect" server start --host 127.0.0.1 --port 4917 >"$folder/log" 2>&1 &
    server=$!
    for _ in $(seq 90); do
        "$folder/venv/bin/python" -c 'import httpx; httpx.get("http://127.0.0.1:4917/api/health").raise_for_status()' \
            2>/dev/null && return
        sleep 1
    done
    cat "$folder/log"
    exit 1
}

stopped() {
    kill "$server"
    wait "$server" || true
    server=
}

for storage in memory filesystem; do
    export PREFECT_HOME="$folder/$storage"
    export PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE="prefect.server.concurrency.lease_storage.$storage"
    started
    lease=$("$folder/venv/bin/python" - <<'PYTHON'
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

with get_client(sync_client=True) as client:
    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="one", limit=1))
    taken = client.increment_concurrency_slots_with_lease(["one"], 1, "concurrency", 300)
    print(taken.json()["lease_id"])
PYTHON
)
    stopped
    started
    "$folder/venv/bin/python" - "$storage" "$lease" <<'PYTHON'
import sys
from uuid import UUID

from httpx import HTTPStatusError
from prefect import __version__
from prefect.client.orchestration import get_client

storage, lease = sys.argv[1:]
with get_client(sync_client=True) as client:
    try:
        client.renew_concurrency_lease(UUID(lease), 300)
        renewed = "renewed"
    except HTTPStatusError as error:
        renewed = str(error.response.status_code)
    taken = client.read_global_concurrency_limit_by_name("one").active_slots
    expected = {"memory": ("410", 1), "filesystem": ("renewed", 1)}[storage]
    assert (renewed, taken) == expected, (storage, renewed, taken)
    print(f"prefect {__version__}, leases in {storage}: after a restart the lease is {renewed}, slots taken: {taken}")
PYTHON
    stopped
done
