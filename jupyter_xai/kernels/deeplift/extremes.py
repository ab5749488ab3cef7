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
    elif len(a) <= SMALL:
        share = few(a, a0)
    else:
        share = many(a.T.contiguous(), a0.T.contiguous()).T
    d = a - a0
    m = share.div_(d)
    still = d == 0
    # entries that are 0 in both branches are those a ReLU holds there: nothing above asks for their limit
    if bool((still & (a != 0)).any()):
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
    """Shares of up to ``SMALL`` entries, shape (K, n).

    Windows in which the maximum rises past all that was there, or falls below it, have entries of one sign above the
    floor: their shares are sums of minima. The others are sorted with their labels.
    """
    floor = torch.minimum(a, a0).amax(0)
    top, top0 = a.amax(0), a0.amax(0)
    share = _alike(torch.maximum(a, a0).sub_(floor).clamp_min_(0.0)).mul_((top - top0).sign_())
    mixed = ((top > floor) & (top0 > floor)).nonzero()[:, 0]
    if len(mixed) == a.shape[1]:
        return _mixed(a, a0, floor)
    if len(mixed):
        share[:, mixed] = _mixed(a[:, mixed], a0[:, mixed], floor[mixed])
    return share


def _alike(u: Tensor) -> Tensor:
    """Shares where all entries above the floor have one sign: u_i + sum over r > 1 of (1/r - 1/(r-1)) min(u_i, s_r).

    ``s`` are the heights u in falling order: the span between s_r and s_r+1 is shared by r entries.
    """
    s = list(u.unbind())
    for i, j in network(len(u)):
        s[i], s[j] = torch.maximum(s[i], s[j]), torch.minimum(s[i], s[j])
    share = u.clone()
    for r in range(2, len(u) + 1):
        share.add_(torch.minimum(u, s[r - 1]), alpha=1.0 / r - 1.0 / (r - 1))
    return share.clamp_min_(0.0)


def _mixed(a: Tensor, a0: Tensor, floor: Tensor) -> Tensor:
    """Shares where some entries rise and some fall."""
    n = len(a)
    high = torch.maximum(torch.maximum(a, a0), floor)
    h = list(high.unbind())
    labels = torch.arange(0, 2 * n, 2, dtype=torch.int8, device=a.device)[:, None] + (a > a0)
    label = list(labels.unbind())
    for i, j in network(n):
        swap = (h[i] < h[j]).view(torch.int8)
        h[i], h[j] = torch.maximum(h[i], h[j]), torch.minimum(h[i], h[j])
        change = (label[i] ^ label[j]).mul_(swap)  # far faster than where on bytes
        label[i], label[j] = label[i] ^ change, label[j] ^ change
    order = torch.stack(label).long()
    rises = order & 1
    counts, side = rises.cumsum(0), rises.to(a.dtype)
    gains, losses = torch.zeros_like(floor), torch.zeros_like(floor)
    credit = torch.empty_like(high)
    for r in range(n, 0, -1):
        span = h[r - 1] - (h[r] if r < n else floor)
        for_rising, for_falling = (a.new_tensor(table) for table in _worth(r))
        gains = torch.addcmul(gains, span, for_rising[counts[r - 1]])
        losses = torch.addcmul(losses, span, for_falling[counts[r - 1]], value=-1.0)
        torch.addcmul(losses, side[r - 1], gains - losses, out=credit[r - 1])
    return torch.empty_like(high).scatter_(0, order >> 1, credit)


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
