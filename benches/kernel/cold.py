"""Runs a command, such as `maturation-kernel --precompile`, and says how long it took and how much memory, as measure.py does.

    python benches/kernel/cold.py target/release/maturation-kernel --precompile
"""

import subprocess
import sys
import time

from processes import Watch

begin = time.time()
child = subprocess.Popen(sys.argv[1:])
watch = Watch(child.pid, interval=0.3)
code = child.wait()
peak, what = watch.stop()
print(f"{(time.time() - begin) / 60:.1f} min, largest {peak:.0f} MiB: {what}")
sys.exit(code)
