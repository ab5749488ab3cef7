"""Slow, literal re-readings of the Shapley value, for comparison: one loop for every sum of the definition."""

from __future__ import annotations

import itertools
import math

import numpy as np


def shapley(value, n):
    """Shapley values of a game: ``value(frozenset of players) -> float``.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)).
    """
    found = np.zeros(n)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for chosen in itertools.combinations(others, size):
                found[i] += weight * (value(frozenset((*chosen, i))) - value(frozenset(chosen)))
    return found


def of_masks(game, n):
    """Exact values of a game over 0/1 rows, (n, outputs), by the same formula on all rows at once."""
    codes = np.arange(2**n)
    masks = ((codes[:, None] >> np.arange(n)) & 1).astype(bool)
    values = np.asarray(game(masks), dtype=float).reshape(2**n, -1)
    sizes = masks.sum(axis=1)
    found = np.zeros((n, values.shape[1]))
    for i in range(n):
        without = codes[~masks[:, i]]
        weights = np.array(
            [math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in sizes[without]]
        )
        found[i] = weights @ (values[without | (1 << i)] - values[without])
    return found


def expected(model, x, background):
    """The game of a table: mean answer with absent columns taken from each background row in turn."""

    def value(present):
        total = 0.0
        for row in background:
            mixed = [x[j] if j in present else row[j] for j in range(len(x))]
            total += float(np.ravel(model(np.array([mixed])))[0])
        return total / len(background)

    return value


def plain_kernel_shap(game, n, samples, rng):
    """KernelSHAP as the paper samples it: coalitions from the Shapley kernel's sizes, with repetition, unpaired;
    least squares under the constraint that values add up. For one output.
    """
    sizes = np.arange(1, n)
    chances = (n - 1) / (sizes * (n - sizes))
    masks = np.zeros((samples, n))
    for row in masks:
        row[rng.choice(n, rng.choice(sizes, p=chances / chances.sum()), replace=False)] = 1
    ends = np.asarray(game(np.array([[False] * n, [True] * n])), dtype=float).ravel()
    total = ends[1] - ends[0]
    answers = np.asarray(game(masks.astype(bool)), dtype=float).ravel() - ends[0]
    design = masks[:, :-1] - masks[:, -1:]
    solved = np.linalg.lstsq(design, answers - masks[:, -1] * total, rcond=None)[0]
    return np.append(solved, total - solved.sum())


def plain_permutations(game, n, orders):
    """Means over orders, each walked forwards and backwards, of what a player adds when it comes; standard deviations
    over orders. For one output.
    """
    found = []
    for order in orders:
        both = np.zeros(n)
        for walk in (order, order[::-1]):
            kept = np.zeros(n, dtype=bool)
            before = float(np.ravel(game(kept[None]))[0])
            for player in walk:
                kept[player] = True
                after = float(np.ravel(game(kept[None]))[0])
                both[player] += (after - before) / 2
                before = after
        found.append(both)
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1)


def orders_of(tree):
    """Every order of a hierarchy's players in which the members of each group come one after another."""
    if not isinstance(tree, tuple):
        return [[tree]]
    found = []
    for parts in itertools.permutations(tree):
        found += [list(itertools.chain(*chosen)) for chosen in itertools.product(*map(orders_of, parts))]
    return found


def owen(game, n, tree):
    """Owen values over a hierarchy, (n, outputs): means, over these orders, of what a player adds when it comes."""
    codes = np.arange(2**n)
    values = np.asarray(game(((codes[:, None] >> np.arange(n)) & 1).astype(bool)), dtype=float).reshape(
        2**n, -1
    )
    found = np.zeros((n, values.shape[1]))
    orders = orders_of(tree)
    for order in orders:
        present = 0
        for player in order:
            found[player] += values[present | 1 << player] - values[present]
            present |= 1 << player
    return found / len(orders)
