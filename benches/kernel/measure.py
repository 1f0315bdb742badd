"""How fast a Rust notebook is, and how much memory it takes: starts a kernel as Jupyter does, and runs typical cells.

    pip install jupyter_client
    python benches/kernel/measure.py [--kernel maturation] [--runs 3] [--at-once 1] [--folder notebooks]

prints a line for each cell, and at the end a row for the table in README.md beside this file. Memory is that of the
kernel and of all that it starts (compiler, linker, cells), sampled ten times a second; pages that processes share are
counted once. Linux only.
"""

import argparse
import os
import statistics
import threading
import time

from jupyter_client.manager import KernelManager

from processes import Watch

FIRST = ':dep maturation = { path = ".." }\nuse maturation::prelude::*;'
LET = 'let run: Run = Run::open("../data/6tasks")?;'
LATER = [
    ("run", "run"),
    ("table", "run.log()?"),
    ("figure", "figures::performance_growth(&run)?"),
    ("let", "let mature: Checkpoints = run.stage(Rule::ODR, Stage::Mature)?;"),
    ("let", "let activity: Activity = mature.last().activity(Rule::ODR)?;"),
    ("table", "selectivity(&activity, Epoch::Stim1)?"),
    ("let", "let units: DataFrame = selectivity(&activity, Epoch::Delay1)?;"),
    ("table", "units.head(Some(5))"),
    ("figure", "figures::performance_growth(&run)?"),
    ("print", 'println!("{} units", units.height());'),
]


class Kernel:
    """A kernel and what it costs."""

    def __init__(self, name, folder, quiet):
        self.quiet = quiet
        self.manager = KernelManager(kernel_name=name)
        begin = time.time()
        self.manager.start_kernel(cwd=folder)
        self.watch = Watch(self.manager.provisioner.pid)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=3600)
        self.ready = time.time() - begin
        self.say(f"ready after {self.ready:.2f} s, {self.watch.peak:.0f} MiB")

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def run(self, code):
        """Seconds until the cell has ended; fails if the cell does."""
        begin = time.time()
        message = self.client.execute(code)
        failed = None
        while True:
            answer = self.client.get_iopub_msg(timeout=3600)
            if answer["parent_header"].get("msg_id") != message:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "error" or (kind == "stream" and content["name"] == "stderr"):
                failed = content.get("evalue") or content["text"]
            if kind == "status" and content["execution_state"] == "idle":
                break
        seconds = time.time() - begin
        if failed:
            raise RuntimeError(f"the cell `{code}` failed: {failed}")
        self.say(f"{seconds:7.2f} s  peak {self.watch.peak:5.0f} MiB  {code.splitlines()[-1]}")
        return seconds

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        return self.watch.stop()


def journey(name, folder, quiet=False):
    """One notebook from start to end: its times, and the largest memory with what it was made of."""
    kernel = Kernel(name, folder, quiet)
    times = {"ready": kernel.ready, "first": kernel.run(FIRST), "first let": kernel.run(LET)}
    later = [(kind, kernel.run(code)) for kind, code in LATER]
    times["later"] = statistics.median(seconds for _, seconds in later)
    for kind in ("table", "figure"):
        times[kind] = statistics.median(seconds for found, seconds in later if found == kind)
    times["peak"], what = kernel.end()
    if not quiet:
        print(f"largest: {times['peak']:.0f} MiB: {what}")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="maturation", help="the kernel's name, as `jupyter kernelspec list` has it")
    parser.add_argument("--folder", default="notebooks", help="where the notebook lies")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=1, help="how many notebooks to run at the same time")
    options = parser.parse_args()
    results, failures = [], []

    def one():
        try:
            results.append(journey(options.kernel, options.folder, quiet=options.at_once > 1))
        except Exception as error:  # a thread would swallow it
            failures.append(error)

    for _ in range(options.runs):
        threads = [threading.Thread(target=one) for _ in range(options.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} notebooks failed: {failures[0]!r}")
    middle = {key: statistics.median(result[key] for result in results) for key in results[0]}
    load = os.getloadavg()[0]
    print(f"\n{len(results)} notebooks, medians; load of the machine at the end {load:.1f}\n")
    print("| kernel | ready | first cell | ready and first cell | first `let` | later | table | figure | memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    seconds = [middle["ready"], middle["first"], middle["ready"] + middle["first"], middle["first let"]]
    seconds += [middle["later"], middle["table"], middle["figure"]]
    cells = " | ".join(f"{value:.2f} s" for value in seconds)
    print(f"| {options.kernel} | {cells} | {max(result['peak'] for result in results):.0f} MiB |")


if __name__ == "__main__":
    main()
