#!/usr/bin/env bash
# Judges nobody here wrote hold a running desk to its own documents: schemathesis calls every operation of
# docs/openapi.json with made-up requests, newman runs docs/postman.json. Starts `postdesk demo` on ports of its own.
#
#   tests/contract/run.sh [schemathesis|newman]...
#
# POSTDESK=path names the program (default: target/debug/postdesk). Tools that are missing are installed into
# target/contract: Python with venv and Node with npm must be there.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=${POSTDESK:-target/debug/postdesk}
tools=target/contract
port=${POSTDESK_TEST_PORT:-18080}
base=http://127.0.0.1:$port
wanted=("$@")
[[ ${#wanted[@]} -gt 0 ]] || wanted=(schemathesis newman)
mkdir -p "$tools"

fail() {
  echo "tests/contract: $*" >&2
  exit 1
}

start_desk() {
  [[ -x $program ]] || fail "$program is not built: cargo build"
  desk=$(mktemp -d)
  POSTDESK_HTTP_LISTEN=127.0.0.1:$port POSTDESK_SMTP_LISTEN=127.0.0.1:$((port + 1)) POSTDESK_API_LIMITS=off \
    POSTDESK_LOG=error "$program" demo --dir "$desk" >"$desk/output" 2>&1 &
  process=$!
  trap stop_desk EXIT
  for _ in $(seq 200); do
    curl -sf "$base/readyz" >/dev/null 2>&1 && return
    kill -0 "$process" 2>/dev/null || { cat "$desk/output" >&2; fail "the desk did not start"; }
    sleep 0.1
  done
  fail "the desk did not answer"
}

stop_desk() {
  kill "$process" 2>/dev/null || true
  wait "$process" 2>/dev/null || true
  rm -rf "$desk"
}

# A desk that died, or a token that was lost on the way, would have judged nothing.
check_desk() {
  kill -0 "$process" 2>/dev/null || fail "the desk died"
  curl -sf -o /dev/null -H "Authorization: Bearer $(cat "$desk/token")" "$base/api/support/me" || fail "the token works no longer"
}

# Every operation, a bounded number of requests with a fixed seed: no server error, no status, type, header or body
# that the document does not tell of.
run_schemathesis() {
  if [[ ! -x $tools/venv/bin/schemathesis ]]; then
    python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" install -q 'schemathesis>=4,<5' || fail "schemathesis can't be installed"
  fi
  PYTHONPATH=. SCHEMATHESIS_HOOKS=tests.contract.hooks "$tools/venv/bin/schemathesis" run docs/openapi.json --url "$base" \
    --exclude-path-regex '/events$' --warnings off \
    --header "Authorization: Bearer $(cat "$desk/token")" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
    --phases examples,fuzzing --max-examples "${POSTDESK_TEST_EXAMPLES:-8}" --seed 7 --workers 2 \
    --generation-database none --request-timeout 20 --suppress-health-check all --no-color
}

run_newman() {
  if [[ ! -x $tools/node_modules/.bin/newman ]]; then
    npm install --silent --no-audit --no-fund --prefix "$tools" newman@6 || fail "newman can't be installed"
  fi
  "$tools/node_modules/.bin/newman" run docs/postman.json --color off --reporters cli --reporter-cli-no-success-assertions \
    --env-var base_url="$base" --env-var token="$(cat "$desk/token")" --timeout-request 20000
}

for tool in "${wanted[@]}"; do
  echo "-- $tool"
  start_desk
  "run_$tool"
  check_desk
  stop_desk
done
trap - EXIT
