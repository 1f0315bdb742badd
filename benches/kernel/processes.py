"""The memory of a process and of all that it started, from /proc (Linux)."""

import os
import threading
import time


def children_of_all():
    """Maps each process to those that it started."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    return children


def tree(root):
    """The processes that descend from one, itself among them."""
    children, found, waiting = children_of_all(), [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(children.get(process, []))
    return found


def memory(process):
    """Memory in MiB, pages that several processes share divided among them; and the command's name."""
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            kilobytes = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        with open(f"/proc/{process}/comm") as file:
            return kilobytes / 1024, file.read().strip()
    except (OSError, StopIteration):
        return 0.0, ""


class Watch:
    """Samples the memory of a tree of processes in the background; `peak` is the largest sum so far."""

    def __init__(self, root, interval=0.1):
        self.root, self.interval = root, interval
        self.peak, self.what, self.running = 0.0, "", True
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self):
        while self.running:
            each = [memory(process) for process in tree(self.root)]
            total = sum(size for size, _ in each)
            if total > self.peak:
                self.peak = total
                self.what = ", ".join(f"{name} {size:.0f}" for size, name in sorted(each, reverse=True)[:4])
            time.sleep(self.interval)

    def reset(self):
        peak, what = self.peak, self.what
        self.peak, self.what = 0.0, ""
        return peak, what

    def stop(self):
        self.running = False
        self.thread.join()
        return self.peak, self.what
