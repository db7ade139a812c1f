"""Makes Vectors/read-outs.json: what scikit-learn 1.9 reads out of small made-up states.

    python Tests/Probing/make_vectors.py

One case has more rows than columns, one fewer; in the last, a class is in few rows. Each is standardized by its training
rows, and fitted by LogisticRegression until nothing moves: its probabilities, and what it answers for other rows.
"""

import json
import os

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def case(name, seed, rows, width, shares, strength, scales=True):
    draw = np.random.default_rng(seed)
    classes = len(shares)
    centres = draw.normal(size=(classes, width))

    def states(count):
        answers = draw.choice(classes, size=count, p=shares)
        answers[:classes] = range(classes)
        x = (centres[answers] + 1.5 * draw.normal(size=(count, width))) * np.linspace(0.5, 4, width) + 3
        return np.round(x, 3).astype(np.float32), answers

    (x, y), (other, _) = states(rows), states(12)
    scaler = StandardScaler(with_std=scales).fit(x.astype(np.float64))
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(scaler.transform(x), y)
    z = scaler.transform(other.astype(np.float64))
    return {
        "name": name, "width": width, "classes": classes, "strength": strength, "scales": scales,
        "training": [float(f"{v:.3f}") for v in x.ravel()], "answers": y.tolist(),
        "others": [float(f"{v:.3f}") for v in other.ravel()],
        "scores": np.round(model.decision_function(z), 6).ravel().tolist(),
        "found": model.predict(z).tolist(),
    }


cases = [
    case("more rows than columns", 1, 60, 6, [0.4, 0.3, 0.2, 0.1], 0.5),
    case("more columns than rows", 2, 24, 40, [0.4, 0.3, 0.3], 0.02),
    case("centred alone", 3, 60, 6, [0.6, 0.35, 0.05], 0.1, scales=False),
]
with open(os.path.join(HERE, "Vectors", "read-outs.json"), "w") as file:
    file.write(json.dumps({"made": "make_vectors.py, scikit-learn", "cases": cases}, separators=(",", ":")) + "\n")
