#!/bin/bash
# Makes the summary of an ensemble, when the tasks that train its runs have ended. `maturation sweep --slurm` wrote it and
# submits it; what you change here is kept.
# @directives@
set -u

# Here is the place for what your cluster needs, such as `module load cuda`.

exec @program@ summary @folder@
