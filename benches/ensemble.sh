#!/usr/bin/env bash
# What many runs cost beside their arithmetic: files, bytes, inodes, and the time and memory of the summary.
#
#   benches/ensemble.sh [RUNS …]      10, 100 and 1,000 runs of a tiny network unless others are named
#
# Needs the command built (cargo build --release), and Debian's `time`. Prints a table's rows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program="${CARGO_TARGET_DIR:-target}/release/maturation"
# On a real disk: where temporary files are, unless it is said.
work="$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/ensemble-XXXXXX")"
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- 10 100 1000

# Seconds, and megabytes of memory at the most.
measured() {
  command time -o "$work/time" -f '%e %M' "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
  awk '{printf "%.1f s, %.0f MB", $1, $2 / 1024}' "$work/time"
}

echo '| runs | checkpoints kept | training | files | inodes | apparent size | on disk | status | summary | summary again |'
echo '| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
for runs in "$@"; do
  for keep in all last; do
    out="$work/$runs-$keep"
    cat >"$work/plan.toml" <<END
seeds = { first = 0, count = $runs }
max_trials = 6400
keep = "$keep"

[set]
n_rnn = 8
rule_trains = ["gap"]
batch_size_test = 16
target_perf = 2
END
    training="$(measured "$program" sweep "$work/plan.toml" "$out")"
    files="$(find "$out" -type f | wc -l)"
    inodes="$(find "$out" | wc -l)"
    apparent="$(du -s --apparent-size --block-size=1K "$out" | cut -f 1)"
    disk="$(du -s --block-size=1K "$out" | cut -f 1)"
    status="$(measured "$program" sweep "$out" --status)"
    summary="$(measured "$program" summary "$out")"
    again="$(measured "$program" summary "$out")"
    echo "| $runs | $keep | $training | $files | $inodes | $apparent kB | $disk kB | $status | $summary | $again |"
    rm -rf "$out"
  done
done
