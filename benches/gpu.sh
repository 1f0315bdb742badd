#!/usr/bin/env bash
# This crate on a GPU: its tests, its times, and the same step in JAX, PyTorch and cuDNN, within five minutes (Linux).
#
#   bash benches/gpu.sh prepare   # builds everything into target/gpu; needs no GPU, but the same checkout at the same path
#   bash benches/gpu.sh           # runs it; builds first what is not there
#
# What comes out is target/gpu/report.md. PyTorch and JAX are taken from the Python that PEERS names, if it has them:
#   python3 -m venv peers && peers/bin/pip install torch 'jax[cuda13]' && PEERS=peers/bin/python bash benches/gpu.sh
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/.."
folder="${CARGO_TARGET_DIR:-target}/gpu"
mkdir -p "$folder"

# The program that cargo builds for a target, as it names it itself.
built() {
  cargo "$@" --no-run --message-format=json |
    python3 -c 'import json, sys; print([line["executable"] for line in map(json.loads, sys.stdin) if line.get("executable")][-1])'
}
prepare() {
  cargo build --release --bin maturation
  cp "${CARGO_TARGET_DIR:-target}/release/maturation" "$folder/maturation"
  cp "$(built test --release --test gpu)" "$folder/tests"
  cp "$(built test --release --test published)" "$folder/published"
  cp "$(built bench --bench gpu)" "$folder/times"
}
if [ "${1:-}" = prepare ] || [ ! -x "$folder/times" ]; then
  prepare
fi
[ "${1:-}" != prepare ] || exit 0

report="$folder/report.md"
step() { printf '\n## %s (after %d s)\n\n' "$1" "$SECONDS" | tee -a "$report"; }
: >"$report"
if ! command -v nvidia-smi >/dev/null; then
  echo 'there is no NVIDIA driver here (nvidia-smi is missing): nothing to measure' >&2
  exit 1
fi
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee -a "$report"
nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --loop-ms=100 >"$folder/memory.txt" &
watch=$!
trap 'kill "$watch"' EXIT

step 'tests'
for tests in published tests; do
  if timeout 120 "$folder/$tests" --nocapture >"$folder/$tests.txt" 2>&1; then
    grep 'test result' "$folder/$tests.txt" | tee -a "$report"
  else
    tail -n 40 "$folder/$tests.txt" | tee -a "$report"
  fi
done

step 'times'
timeout 60 "$folder/times" | tee -a "$report"

step "the paper's run, from the command line to its end"
rm -rf "$folder/run"
begin="$(date +%s.%N)"
timeout 60 "$folder/maturation" train "$folder/run" --device cuda:0 2>&1 | tail -n 3 | tee -a "$report"
python3 -c "import time; print(f'{time.time() - $begin:.2f} s, files included')" | tee -a "$report"

step 'the same step in other frameworks'
timeout 90 "${PEERS:-python3}" "$here/peers/gpu.py" | tee -a "$report"

kill "$watch"
trap - EXIT
step 'memory'
printf 'at most %s MiB of the card in use\n' "$(sort -n "$folder/memory.txt" | tail -n 1)" | tee -a "$report"
