"""The statistics of an evaluation by SciPy and by counting every case, and golden values for tests/suite/evaluate.rs.

    pip install scipy numpy
    python tests/reference/statistics.py --golden tests/golden/statistics.json

The signed-rank p is counted twice: over every assignment of signs, and by scipy.stats.wilcoxon where it has an exact
answer (no ties). The ends of the bootstrap interval are those of every possible resample, so they hold no chance.
"""

import argparse
import itertools
import json

import numpy as np
from scipy import stats

SETS = {
    "six_one_way": [1.5, 0.4, 2.2, 3.1, 0.9, 1.1],
    "six_mixed": [1.5, -0.4, 2.2, 3.1, -0.9, 1.1],
    "eight": [12.5, -3.1, 8.4, 1.2, -0.7, 15.3, 4.4, 9.9],
    "nine_ties": [0.02, -0.01, 0.02, 0.03, 0.01, -0.02, 0.04, 0.02, 0.03],
    "seven_and_a_zero": [0.3, 0.0, -0.1, 0.5, 0.2, 0.7, 0.4],
    "twelve": [-1.0, 2.0, 3.5, -0.5, 4.1, 5.7, 6.3, -2.2, 7.9, 8.4, 0.8, 9.6],
}
# 30 pairs: too many to count, SciPy's exact distribution alone.
THIRTY = [((37 * k + 11) % 101 - 38) / 7 + k * 1e-3 for k in range(30)]
HOLM = [0.012, 0.34, 0.031, 0.0021, 0.5]


def counted(differences):
    """Statistic and two-sided p over every assignment of signs."""
    d = np.array([x for x in differences if x != 0.0])
    ranks = stats.rankdata(np.abs(d))
    above = ranks[d > 0].sum()
    smaller = min(above, ranks.sum() - above)
    sums = [sum(r for r, sign in zip(ranks, signs) if sign) for signs in itertools.product((0, 1), repeat=len(d))]
    tail = np.mean(np.array(sums) <= smaller + 1e-9)
    return smaller, min(1.0, 2 * tail)


def signed_rank(differences):
    if len(differences) <= 12:
        statistic, p = counted(differences)
        d = [x for x in differences if x != 0.0]
        if len(set(np.abs(d))) == len(d):
            reference = stats.wilcoxon(d, method="exact")
            assert np.isclose(reference.statistic, statistic) and np.isclose(reference.pvalue, p), differences
        return statistic, p
    reference = stats.wilcoxon(differences, method="exact")
    return reference.statistic, reference.pvalue


def every_resample(values):
    """2.5 and 97.5 % of the means of all n^n resamples; of 2,000,000 draws where those are too many."""
    n = len(values)
    if n <= 7:
        means = np.array([np.mean(pick) for pick in itertools.product(values, repeat=n)])
    else:
        picks = np.random.default_rng(1).integers(0, n, (2_000_000, n))
        means = np.array(values)[picks].mean(1)
    return np.quantile(means, [0.025, 0.975])


def holm(p):
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate((len(p) - np.arange(len(p))) * np.array(p)[order]))
    return adjusted


def golden():
    sets = {}
    for name, values in {**SETS, "thirty": THIRTY}.items():
        statistic, p = signed_rank(values)
        low, high = every_resample(values)
        sets[name] = {
            "values": values,
            "mean": float(np.mean(values)),
            "sd": float(np.std(values, ddof=1)),
            "statistic": float(statistic),
            "p": float(p),
            "low": float(low),
            "high": float(high),
        }
    return {"sets": sets, "holm": {"p": HOLM, "adjusted": holm(HOLM).tolist()}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--golden", required=True)
    path = parser.parse_args().golden
    with open(path, "w") as file:
        json.dump(golden(), file)
        file.write("\n")
