#!/bin/bash
# A task of Slurm's that trains runs of an ensemble. `maturation sweep --slurm` wrote it and submits it; what you change
# here is kept. By hand: sbatch --array=0-9 train.sh [FIRST RUNS_PER_TASK RUNS [OPTION of maturation sweep …]]
# Task T trains RUNS_PER_TASK runs, from run FIRST + T × RUNS_PER_TASK on, of RUNS in all.
# @directives@
set -u

# Here is the place for what your cluster needs, such as `module load cuda`.

program=@program@
folder=@folder@
runs_per_task="${2:-@runs_per_task@}"
runs="${3:-@runs@}"
first=$((${1:-0} + SLURM_ARRAY_TASK_ID * runs_per_task))
last=$((first + runs_per_task < runs ? first + runs_per_task - 1 : runs - 1))
shift $(($# < 3 ? $# : 3))

# As many networks at once as processors, each on its share of them; on GPUs as many as the program thinks best.
processors="${SLURM_CPUS_PER_TASK:-1}"
jobs=$((runs_per_task < processors ? runs_per_task : processors))
options=(--jobs "$jobs" --threads $((processors / jobs)))
gpus="${SLURM_GPUS_ON_NODE:-0}"
if [ "$gpus" -gt 0 ]; then
  options=(--jobs 0)
  [[ " $* " == *' --device='* ]] || options+=(--device "$(seq -s , -f 'cuda:%.0f' 0 $((gpus - 1)))")
fi

printf '%s: runs %s to %s on %s, start %s of job %s\n' "$(date '+%F %T')" "$first" "$last" "$(hostname)" \
  "$((${SLURM_RESTART_COUNT:-0} + 1))" "$SLURM_JOB_ID"

# Slurm says so before the limit of time: training saves all that it has, and goes on after the requeue.
training=''
is_near_limit=no
trap 'is_near_limit=yes; [ -z "$training" ] || kill -TERM "$training"' USR1
# A job that is cancelled or pre-empted: Slurm tells training itself, and this shell waits until all is saved.
trap : TERM
"$program" sweep "$folder" --index "$first-$last" "${options[@]}" "$@" &
training=$!
while wait "$training"; status=$?; [ $status -gt 128 ] && kill -0 "$training" 2>/dev/null; do :; done
# A signal may have ended the last wait just before training ended.
[ $status -le 128 ] || { wait "$training"; status=$?; }

printf '%s: ended with status %s\n' "$(date '+%F %T')" "$status"
if [ $is_near_limit = yes ] && { [ $status -eq 130 ] || [ $status -eq 143 ]; }; then
  if scontrol requeue "$SLURM_JOB_ID"; then
    echo 'the limit of time is near: requeued, to go on from here'
    exit 0
  fi
  echo 'the limit of time is near, and Slurm did not requeue this job: submit again with maturation sweep … --slurm'
fi
exit $status
