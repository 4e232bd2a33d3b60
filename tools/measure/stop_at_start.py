#!/usr/bin/env python3
"""Stops `forgedit edit` in its first seconds again and again, and counts how it ends.

usage: stop_at_start.py FORGEDIT MODEL [RUNS] [AT_ONCE] [FIRST] [LAST]

Each of RUNS (100) edits on the GPU gets SIGINT at a random time, FIRST to LAST (0.7 to 1.7) seconds after its start;
AT_ONCE (4) run at a time. DEVICE=cpu tries it without a GPU. A run has ended well if its exit code is 130 (stopped),
0 (complete) or -2 (the signal came before the program began). Exit code 1 if a run ended otherwise.
"""
import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WELL = (130, 0, -signal.SIGINT)


def stopped_edit(program, model, delay):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "edit", str(ROOT / "assets/miniature/demo.png"), "a man running", "--source", "a man walking"]
        command += ["--model", model, "--device", os.environ.get("DEVICE", "cuda"), "--out", folder + "/out"]
        command += ["--stop-loss", "0", "--samples", "40", "--steps", "3", "--gamma", "1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            text = process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return "hung", process.communicate()[0]
        return process.returncode, text


def main():
    program, model = sys.argv[1:3]
    runs, at_once = (int(n) for n in (sys.argv[3:5] + ["100", "4"][len(sys.argv) - 3:]))
    first, last = (float(n) for n in (sys.argv[5:7] or ["0.7", "1.7"]))
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        delays = [random.uniform(first, last) for _ in range(runs)]
        ends = list(pool.map(lambda delay: stopped_edit(program, model, delay), delays))
    for code, count in collections.Counter(code for code, _ in ends).items():
        print(f"{count} of {runs}: {code}")
    for code, text in ends:
        if code not in WELL:
            print(f"--- {code}\n{text[-2000:]}")
    return 0 if all(code in WELL for code, _ in ends) else 1


if __name__ == "__main__":
    sys.exit(main())
