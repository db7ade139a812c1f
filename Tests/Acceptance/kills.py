#!/usr/bin/env python3
"""Kills the program (SIGKILL) at random moments of precompute, purge, merge and compact, N times in all. After
each kill the cache must open and verify; then the same command runs to its end, and the content must be that of
a run that nothing disturbed.

    Tests/Acceptance/kills.py N TOKENIZER.json [SEED]
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tiny_source import write_source

PROGRAM = os.path.join(os.path.dirname(__file__), "../../.build/release/denju")


def denju(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAILED: denju {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def remove(cache):
    for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
        if os.path.exists(cache + suffix):
            os.remove(cache + suffix)


class Trial:
    """A command on a cache that `prepare` makes, and the content that it must end in."""

    def __init__(self, name, cache, arguments, prepare):
        self.name, self.cache, self.arguments, self.prepare = name, cache, arguments, prepare
        self.prepare()
        began = time.time()
        denju(*self.arguments)
        self.seconds = time.time() - began
        self.content = denju("cache", "digest", self.cache)
        self.kills = self.late = self.begun = 0

    def kill(self):
        """Starts the command, kills it at a random moment, and says whether it was still running."""
        process = subprocess.Popen(
            [PROGRAM, *self.arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, self.seconds))
        running = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        return running

    def run(self):
        self.prepare()
        while not self.kill():
            self.late += 1
            self.prepare()
        self.kills += 1
        if os.path.exists(self.cache) and os.path.getsize(self.cache):
            self.begun += 1
            denju("cache", "verify", self.cache)
        denju(*self.arguments)
        denju("cache", "verify", self.cache)
        if denju("cache", "digest", self.cache) != self.content:
            sys.exit(f"FAILED: {self.name}: another content after kill {self.kills}")


def main():
    count, tokenizer = int(sys.argv[1]), sys.argv[2]
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with tempfile.TemporaryDirectory() as folder:
        write_source(f"{folder}/source", tokenizer)
        with open(f"{folder}/corpus.jsonl", "w") as file, open(f"{folder}/few.jsonl", "w") as few:
            for number in range(4000):
                words = " ".join(random.choices("alpha beta gamma delta epsilon".split(), k=90))
                row = json.dumps({"prompt": f"Number {number}: {words}", "response": f" {number}"})
                for to in (file, few) if number < 60 else (file,):
                    to.write(row + "\n")

        def path(name):
            return f"{folder}/{name}.sqlite"

        def precompute(name, *more):
            return ["precompute", "--source", f"{folder}/source", "--corpus",
                    f"{folder}/corpus.jsonl", "--cache", path(name), *more]

        def copied(name, to):
            def copy():
                remove(path(to))
                shutil.copy(path(name), path(to))
            return copy

        for name, more in (("whole", ()), ("half", ("--shard", "1/2")), ("other", ("--shard", "2/2"))):
            denju(*precompute(name, *more))
        fitted = precompute(
            "e", "--codec", "transform:0.1", "--fit-corpus", f"{folder}/few.jsonl")
        trials = [
            Trial("precompute with a fitted codec", path("e"), fitted, lambda: remove(path("e"))),
            Trial("precompute", path("a"), precompute("a"), lambda: remove(path("a"))),
            Trial("merge", path("b"), ["cache", "merge", path("b"), path("other")], copied("half", "b")),
            Trial("purge", path("c"), ["cache", "purge", path("c"), "--split", "train"],
                  copied("whole", "c")),
            Trial("compact", path("d"), ["cache", "compact", path("d")], copied("whole", "d")),
        ]
        if denju("cache", "digest", path("whole")) != trials[2].content:
            sys.exit("FAILED: two merged halves are not the whole")
        for number in range(count):
            trials[number % len(trials)].run()
        for trial in trials:
            print(f"{trial.name}: {trial.seconds:.2f} s, killed {trial.kills} times, "
                  f"{trial.begun} of them with a cache there, {trial.late} kills came too late")


main()
