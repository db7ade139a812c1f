#!/usr/bin/env python3
"""Precomputes a corpus of N megabytes with a tiny source of random weights, and prints the program's
peak resident memory (VmHWM).

    Tests/Acceptance/bounded_memory.py MEGABYTES TOKENIZER.json [--rows huge] [--plan]

Documents are 4,000 bytes of random words, so that nothing is shared and the text is what grows; with
`--rows huge` one row of all the bytes is among them, which must be skipped. The source has one layer of
width 16: its weights and one context's keys and values come to a few megabytes.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

from tiny_source import write_source


def write_corpus(path, size, huge):
    words = [
        "".join(random.choices("etaoinshrdlucm", k=random.randint(2, 9))) for _ in range(20_000)]
    written = 0
    with open(path, "w") as file:
        if huge:
            file.write(json.dumps({"text": "a word " * (size // 7)}) + "\n")
        while written < size:
            written += file.write(json.dumps({"text": " ".join(random.choices(words, k=650))}) + "\n")


def main():
    size, tokenizer = int(sys.argv[1]) * 1_000_000, sys.argv[2]
    random.seed(1)
    program = os.path.join(os.path.dirname(__file__), "../../.build/release/denju")
    with tempfile.TemporaryDirectory() as folder:
        write_source(f"{folder}/source", tokenizer)
        write_corpus(f"{folder}/corpus.jsonl", size, "huge" in sys.argv)
        began = time.time()
        subprocess.run([
            program, "precompute", "--source", f"{folder}/source", "--corpus", f"{folder}/corpus.jsonl",
            "--cache", f"{folder}/cache.sqlite", "--conditioning", "aligned", "--bad-rows", "skip",
            "--too-long", "skip", *(["--plan"] if "--plan" in sys.argv else []),
        ], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"{size / 1e6:.0f} MB of text: VmHWM {peak / 1e6:.0f} MB, {time.time() - began:.0f} s")


main()
