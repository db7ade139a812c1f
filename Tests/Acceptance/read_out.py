"""scikit-learn's read-outs of a cache's exported states, beside those of `denju probe`: for probe.sh.

    read_out.py BASE UNITS [STRENGTHS]

BASE-STREAM-SPLIT.safetensors are the exported states, BASE.jsonl is what `denju probe --json` printed, and UNITS are
streams and pairs, as "1 2 1+2". What is computed is kept in BASE.scikit-learn.jsonl, a line a strength, so that a run
that was ended goes on, and a run after a change of ours compares at once. A line names the digest of its states: of
other states it is not taken. Ends with 1 where an accuracy is more than 0.02 away.

Beside scikit-learn's choice of C (that of the most held-out rows, by GridSearchCV's definition) stands what
scikit-learn has at the C that denju chose: there, only the solvers differ.
"""

import hashlib
import json
import sys

import numpy as np
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

STRENGTHS = [1e-2, 1e-1, 1, 1e-3, 1e-4, 10]
FARTHEST = 0.02

base, units = sys.argv[1], sys.argv[2].split()
strengths = [float(each) for each in sys.argv[3].split()] if len(sys.argv) > 3 else STRENGTHS


def stream(number, split):
    tensors = load_file(f"{base}-{number}-{split}.safetensors")
    rows = {}
    for name in tensors:
        if name.endswith(".states"):
            document = name.split(".")[0]
            key = bytes(tensors[f"{document}.prompt"]), bytes(tensors[f"{document}.response"]).strip()
            rows[key] = tensors[name].mean(0, dtype=np.float64), tensors[name][-1].astype(np.float64)
    return rows


def features(unit, split):
    streams = [stream(number, split) for number in unit.split("+")]
    keys = sorted(set.intersection(*(set(each) for each in streams)))
    mean, last = (np.stack([np.concatenate([each[key][pool] for each in streams]) for key in keys]) for pool in (0, 1))
    answers = np.array([key[1].decode() for key in keys])
    return {"mean": mean, "last": last, "both": np.concatenate([mean, last], 1)}, answers


def model(strength):
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))


class Kept:
    """Figures by what they are of, in a file that only grows."""

    def __init__(self, path):
        self.path, self.lines = path, {}
        try:
            with open(path) as file:
                for line in file:
                    row = json.loads(line)
                    self.lines[tuple(row["of"])] = row["figure"]
        except FileNotFoundError:
            pass

    def figure(self, of, compute):
        if of not in self.lines:
            self.lines[of] = compute()
            with open(self.path, "a") as file:
                file.write(json.dumps({"of": of, "figure": self.lines[of]}) + "\n")
        return self.lines[of]


ours = {}
for line in open(f"{base}.jsonl"):
    row = json.loads(line).get("reading")
    if row:
        ours["+".join(str(each["number"]) for each in row["streams"]), row["feature"]] = row
kept = Kept(f"{base}.scikit-learn.jsonl")
far = 0
for unit in units:
    (known, answers), (asked, right) = features(unit, "train"), features(unit, "validation")
    for feature, x in known.items():
        digest = hashlib.sha256(x.tobytes() + asked[feature].tobytes() + "\n".join([*answers, *right]).encode()).hexdigest()[:16]

        def held_out(strength):
            folds = KFold(5, shuffle=True, random_state=0)
            return kept.figure(
                (unit, feature, digest, strength, "held out"),
                lambda: float(np.mean(cross_val_score(model(strength), x, answers, cv=folds))))

        def accuracy(strength):
            return kept.figure(
                (unit, feature, digest, strength, "accuracy"),
                lambda: float(np.mean(model(strength).fit(x, answers).predict(asked[feature]) == right)))

        scores = {strength: held_out(strength) for strength in strengths}
        # The strongest of equal ones, as GridSearchCV takes the first of a list that ascends.
        chosen = min(scores, key=lambda strength: (-scores[strength], strength))
        theirs, row = accuracy(chosen), ours[unit, feature]
        found, strength = row["score"]["accuracy"], row["strength"]
        print(f"stream {unit} {feature}: ours {found:.3f} (C {strength:g}, {row['crossValidated']:.3f} held out), scikit-learn's {theirs:.3f} "
              f"(C {chosen:g}, {scores[chosen]:.3f}; at C {strength:g} {accuracy(strength):.3f}), difference {found - theirs:+.3f}", flush=True)
        far += abs(found - theirs) > FARTHEST + 1e-9
sys.exit(far > 0)
