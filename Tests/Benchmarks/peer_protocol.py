"""How `denju bench` speaks with a peer: a line of JSON each way, on stdin and stdout.

At start the peer says      {"peer": "transformers", "version": "..."}   once its model is loaded.
Asked                       {"tune": "512", "documents": [[ids], ...]}
it tries its settings on those documents, keeps the fastest under that name, and says
                            {"setting": "batch 8"}
Asked                       {"run": "512", "documents": [[ids], ...]}
it runs them with that setting, and says
                            {"seconds": 1.25}
What fails ends the peer with one line on stderr. It ends when stdin does.
"""

import json
import os
import sys
import time

# A larger setting is not tried any more once one is this much slower than the best before it.
CLEARLY_SLOWER = 1.25
# Each setting is tried after a warm-up, and once more unless it is this much slower than the best.
SLOWER = 1.1


def serve(name, version, settings, run):
    """`settings(documents)` gives lists of settings; within a list, larger ones come later and are dropped once
    one is clearly slower. `run(documents, setting)` runs the documents in the order that suits it."""
    # What a library prints on stdout must not come between.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(**answer):
        answers.write(json.dumps(answer) + "\n")

    def rate(documents, setting):
        began = time.perf_counter()
        run(documents, setting)
        return sum(map(len, documents)) / (time.perf_counter() - began)

    def fastest(documents):
        best = (0, None)
        for ladder in settings(documents):
            top = 0
            for setting, count in ladder:
                part = documents[:count]
                run(part[: max(1, len(part) // 4)], setting)
                found = rate(part, setting)
                if found * SLOWER > best[0]:
                    found = max(found, rate(part, setting))
                print(f"{name}: {setting}: {found:.0f} tokens/s", file=sys.stderr)
                best = max(best, (found, setting), key=lambda pair: pair[0])
                if found * CLEARLY_SLOWER < top:
                    break
                top = max(top, found)
        return best[1]

    chosen = {}
    say(peer=name, version=version)
    for line in sys.stdin:
        request = json.loads(line)
        documents = request["documents"]
        if "tune" in request:
            chosen[request["tune"]] = fastest(documents)
            say(setting=str(chosen[request["tune"]]))
        else:
            began = time.perf_counter()
            run(documents, chosen[request["run"]])
            say(seconds=time.perf_counter() - began)
