#!/usr/bin/env bash
# A training step of this crate against the same step in PyTorch and JAX, on this machine's CPU (Linux).
#
#   bash benches/peers/run.sh                        # one thread
#   bash benches/peers/run.sh 2                      # two threads
#   FRAMEWORKS=jax bash benches/peers/run.sh         # without PyTorch
#
# The first run installs the frameworks into target/peers; see README.md beside this file for their size.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."

threads="${1:-1}"
read -ra frameworks <<<"${FRAMEWORKS:-torch jax}"
rounds="${ROUNDS:-3}"
target="${CARGO_TARGET_DIR:-target}"
environment="$target/peers"
results="$environment/results-$threads.jsonl"

# All get the same cores: the first ones that this shell may use.
cores="$(python3 - "$threads" <<'PYTHON'
import os, sys
threads, cores = int(sys.argv[1]), sorted(os.sched_getaffinity(0))
if not 1 <= threads <= len(cores):
    sys.exit(f"{threads} threads asked for, {len(cores)} cores to be had")
print(",".join(map(str, cores[:threads])))
PYTHON
)"

[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
for framework in "${frameworks[@]}"; do
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/$framework.txt"
done
cargo bench --quiet --bench training_step --no-run

ours() {
  taskset -c "$cores" cargo bench --quiet --bench training_step -- --rule odr --cell LeakyRNN --threads "$threads" |
    awk '$2 == "odr" { printf "{\"framework\": \"maturation\", \"step_ms\": %s, \"forward_ms\": %s}\n", $4, $7 }'
}
theirs() {
  taskset -c "$cores" "$environment/bin/python" "$here/step.py" --framework "$1" --threads "$threads"
}

: >"$results"
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  ours >>"$results"
  for framework in "${frameworks[@]}"; do
    theirs "$framework" >>"$results"
  done
done

"$environment/bin/python" - "$results" "$threads" <<'PYTHON'
import json, statistics, sys

runs = {}
for line in open(sys.argv[1]):
    result = json.loads(line)
    runs.setdefault(result["framework"], []).append(result)
if "maturation" not in runs:
    sys.exit("the bench printed no line for odr")
# Without noise both peers train the same network on the same batch: a peer that does less work would show here.
peers = [result for name, results in runs.items() if name != "maturation" for result in results]
for cost in ("first_cost", "last_cost"):
    values = [result[cost] for result in peers]
    if values and max(values) - min(values) > 1e-3 * max(values):
        sys.exit(f"the frameworks do not agree: {cost} {values}")


def shortest(name, what):
    return min((result[what] for result in runs[name] if what in result), default=None)


def cells(name, what):
    milliseconds = shortest(name, what)
    if milliseconds is None:
        return ["", ""]
    return [f"{milliseconds:.1f}", f"{milliseconds / shortest('maturation', what.replace('_without_noise', '')):.1f}"]


print(f"rule odr, 64 trials, 256 units, single precision, {sys.argv[2]} thread(s): milliseconds, shortest of all rounds;")
print("× is the ratio to this crate's time, which has the noise in it\n")
columns = {"step": "step_ms", "forward pass": "forward_ms", "step without noise": "step_without_noise_ms"}
print("| |", " | ".join(f"{column} | ×" for column in columns), "| median step |")
print("|", " | ".join(["---"] * (2 * len(columns) + 2)), "|")
for name, results in runs.items():
    version = results[0].get("version", "")
    row = [cell for what in columns.values() for cell in cells(name, what)]
    medians = [result["step_median_ms"] for result in results if "step_median_ms" in result]
    row.append(f"{statistics.median(medians):.1f}" if medians else "")
    print("|", " | ".join([f"{name} {version}".strip(), *row]), "|")
PYTHON
