"""Exact Shapley values of the largest of several entries, in O(K log K).

In a coalition each entry is at its input value a_i or at its reference a0_i. Above L = max_i min(a_i, a0_i) at most
one of an entry's two values stands out. The maximum passes a threshold t > L if one of nA rising entries is in the
coalition, or one of nB falling ones is not: the span dt is worth (nA - 1)! nB! / (nA + nB)! to each of the rising, and
minus nA! (nB - 1)! / (nA + nB)! to each of the falling. Lundberg & Lee (2017) have the case of rising entries alone.
"""

from __future__ import annotations

from functools import cache
from math import comb

import torch
from torch import Tensor

SMALL = 16
"""Up to this many entries are sorted by a fixed network, in whole vectors of windows."""

CHUNK = 2**16
"""Windows at a time: their vectors stay in the processor's cache."""


def slopes(a: Tensor, a0: Tensor, *, by_winner: bool = False) -> Tensor:
    """Multipliers of entries that compete along the first dimension: shares over differences.

    Where an entry has not moved it is half for each branch in which it is the largest, the limit.

    Parameters
    ----------
    a, a0 : Tensor of shape (K, n)
    by_winner : bool, default=False
        Credit the largest entry of each branch alone, as captum does.

    Examples
    --------
    >>> slopes(torch.tensor([[3.0], [2.0]]), torch.zeros(2, 1)).T
    tensor([[0.6667, 0.5000]])
    """
    if by_winner:
        share = winner(a, a0)
    else:
        share = few(a, a0) if len(a) <= SMALL else many(a.T.contiguous(), a0.T.contiguous()).T
    d = a - a0
    m = share.div_(d)
    still = d == 0
    if bool(still.any()):
        ends = (a == a.amax(0)).to(a.dtype) + (a0 == a0.amax(0)).to(a.dtype)
        m = torch.where(still, ends / 2, m)
    m = m.nan_to_num_(0.0)
    return m if by_winner else m.clamp_(0.0, 1.0)


def winner(a: Tensor, a0: Tensor) -> Tensor:
    """All to the largest entry of either branch."""
    top, at = a.max(0, keepdim=True)
    top0, at0 = a0.max(0, keepdim=True)
    most = torch.maximum(top, top0)
    found = torch.zeros_like(a).scatter_add_(0, at, most - top0)
    return found.scatter_add_(0, at0, top - most)


@cache
def network(n: int) -> tuple[tuple[int, int], ...]:
    """Comparisons that sort n entries: Batcher's odd-even merge sort.

    Examples
    --------
    >>> network(3)
    ((0, 1), (0, 2), (1, 2))
    """
    found = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                pairs = ((i + j, i + j + k) for i in range(min(k, n - j - k)))
                found += [(low, high) for low, high in pairs if low // (2 * p) == high // (2 * p)]
            k //= 2
        p *= 2
    return tuple(found)


@cache
def _worth(r: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of r entries above a threshold, what each rising and each falling one gets, by how many rise."""
    rising = tuple(1.0 / (k * comb(r, k)) if k else 0.0 for k in range(r + 1))
    return rising, rising[::-1]


def few(a: Tensor, a0: Tensor) -> Tensor:
    """Shares of up to ``SMALL`` entries, shape (K, n)."""
    n = len(a)
    floor = torch.minimum(a, a0).amax(0)
    high = torch.maximum(torch.maximum(a, a0), floor)
    up = a > a0
    mixed = bool((~up & (high > floor)).any())
    h = list(high.unbind())
    labels = torch.arange(0, 2 * n, 2, dtype=torch.int8, device=a.device)[:, None] + up
    label = list(labels.unbind())
    for i, j in network(n):
        swap = h[i] < h[j]
        h[i], h[j] = torch.maximum(h[i], h[j]), torch.minimum(h[i], h[j])
        label[i], label[j] = torch.where(swap, label[j], label[i]), torch.where(swap, label[i], label[j])
    order = torch.stack(label)
    rises = (order & 1).bool()
    counts = rises.long().cumsum(0) if mixed else None
    gains, losses = torch.zeros_like(floor), torch.zeros_like(floor)
    credit = torch.empty_like(high)
    for r in range(n, 0, -1):
        span = h[r - 1] - (h[r] if r < n else floor)
        if counts is None:
            gains = gains + span / r
            credit[r - 1] = gains
            continue
        for_rising, for_falling = (a.new_tensor(table) for table in _worth(r))
        gains = gains + span * for_rising[counts[r - 1]]
        losses = losses + span * for_falling[counts[r - 1]]
        credit[r - 1] = torch.where(rises[r - 1], gains, -losses)
    return torch.empty_like(high).scatter_(0, (order >> 1).long(), credit)


def many(a: Tensor, a0: Tensor) -> Tensor:
    """Shares of any number of entries, along the *last* dimension.

    Examples
    --------
    >>> many(torch.tensor([3.0, 2.0]), torch.zeros(2))
    tensor([2., 1.])
    """
    n = a.shape[-1]
    floor = torch.minimum(a, a0).amax(-1, keepdim=True)
    high, order = torch.maximum(torch.maximum(a, a0), floor).sort(-1, descending=True)
    up = (a > a0).gather(-1, order)
    rising = up.to(a.dtype).cumsum(-1)
    falling = torch.arange(1, n + 1, device=a.device, dtype=a.dtype) - rising
    # nA! nB! / (nA + nB)!, exactly 1 where one of them is 0: what rises gain falls lose, to the last bit
    logs = torch.lgamma(rising + 1) + torch.lgamma(falling + 1) - torch.lgamma(rising + falling + 1)
    balance = torch.where((rising == 0) | (falling == 0), 1.0, torch.exp(logs))
    worth = (high - torch.cat([high[..., 1:], floor], -1)) * balance
    gains = torch.where(rising > 0, worth / rising, 0.0).flip(-1).cumsum(-1).flip(-1)
    losses = torch.where(falling > 0, worth / falling, 0.0).flip(-1).cumsum(-1).flip(-1)
    return torch.zeros_like(a).scatter_(-1, order, torch.where(up, gains, -losses))
