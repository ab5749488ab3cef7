"""From passes to attributions of a run: rows together where they can be, and an account of what is not explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jupyter_xai.explanation import Unexplained
from jupyter_xai.kernels._run import Run
from jupyter_xai.kernels.deeplift.passes import Passes
from jupyter_xai.kernels.deeplift.tape import Settings

TOLERANCE = 1e-4
"""A gap below this share of the difference is rounding."""

APART = 1e-2
"""Rows of which one has a larger gap are explained one by one: they may depend on one another."""


@dataclass(frozen=True)
class Shares:
    """Attributions of pairs of an input and a reference.

    Parameters
    ----------
    values : list of Tensor
        For each point (pairs, targets, *point shape).
    outputs, reference_outputs : Tensor of shape (pairs, targets)
    """

    values: list[Tensor]
    outputs: Tensor
    reference_outputs: Tensor

    def gap(self) -> Tensor:
        """Values too much, (pairs, targets)."""
        return self._sums(self.values) - (self.outputs - self.reference_outputs)

    def scale(self) -> Tensor:
        """What a gap is compared with, (pairs, targets)."""
        f, f0 = self.outputs, self.reference_outputs
        size = self._sums([value.abs() for value in self.values])
        return torch.stack([(f - f0).abs(), 0.1 * (f.abs() + f0.abs()), 1e-3 * size]).amax(0)

    def _sums(self, values: Sequence[Tensor]) -> Tensor:
        return torch.stack([value.flatten(2).sum(2) for value in values]).sum(0)


@dataclass
class Account:
    """What one run met that has no rule or cannot be explained.

    Parameters
    ----------
    settings : Settings
    """

    settings: Settings
    alone: bool = False
    """Whether each pair has passes of its own: rows depend on one another, or their share of a gap is asked for."""
    names: dict[str, None] = field(default_factory=dict)
    missed: dict[str, float] = field(default_factory=dict)
    draws: dict[str, None] = field(default_factory=dict)

    def shares(self, run: Run, owners: Tensor, points: list[Tensor], references: list[Tensor]) -> Shares:
        """Attributions of pairs.

        Parameters
        ----------
        run : Run
        owners : Tensor of shape (pairs,)
            The instance that each pair's fixed parts are taken from.
        points, references : list of Tensor
            (pairs, ...) each.
        """
        if self.alone and len(owners) > 1:
            each = [
                self.shares(
                    run, owners[i : i + 1], [p[i : i + 1] for p in points], [r[i : i + 1] for r in references]
                )
                for i in range(len(owners))
            ]
            return Shares(
                [torch.cat(parts) for parts in zip(*(one.values for one in each), strict=True)],
                torch.cat([one.outputs for one in each]),
                torch.cat([one.reference_outputs for one in each]),
            )
        passes = Passes(run.function(owners), tuple(points), tuple(references), self.settings)
        tape = passes.tape
        several = len(owners) > 1
        if several and (tape.coupled or tape.lost):
            self.alone = True
            return self.shares(run, owners, points, references)
        found, missed = self._values(passes, points, references)
        off = float((found.gap().abs() / found.scale().clamp_min(1e-30)).max())
        rough = off > TOLERANCE
        if several and (off > APART or (rough and tape.notes)):
            self.alone = True
            return self.shares(run, owners, points, references)
        self.names |= dict.fromkeys(tape.notes)
        self.draws |= dict.fromkeys(sorted(tape.draws))
        if rough:
            self._miss(found, missed, [name for name in tape.lost if name not in missed])
        return found

    def _values(
        self, passes: Passes, points: list[Tensor], references: list[Tensor]
    ) -> tuple[Shares, dict[str, float]]:
        n_targets = passes.outputs.shape[1]
        columns: list[list[Tensor]] = []
        missed: dict[str, float] = {}
        for target in range(n_targets):
            multipliers = passes.multipliers(target, keep=target + 1 < n_targets)
            columns.append([m * (x - x0) for m, x, x0 in zip(multipliers, points, references, strict=True)])
            for name, amount in passes.tape.missed.items():
                missed[name] = missed.get(name, 0.0) + abs(amount)
        values = [torch.stack(parts, 1) for parts in zip(*columns, strict=True)]
        return Shares(values, passes.outputs, passes.reference_outputs), missed

    def _miss(self, found: Shares, missed: dict[str, float], untold: list[str]) -> None:
        """Note amounts; what no call has noted is laid at the door of those that cannot tell."""
        for name, amount in missed.items():
            self.missed[name] = self.missed.get(name, 0.0) + amount
        rest = max(0.0, float(found.gap().abs().sum()) - sum(missed.values()))
        for name in untold:
            self.missed[name] = self.missed.get(name, 0.0) + rest / len(untold)

    @property
    def unexplained(self) -> tuple[Unexplained, ...]:
        """Operations and their share of the gap, the largest first."""
        total = sum(self.missed.values())
        if not total:
            return ()
        ordered = sorted(self.missed.items(), key=lambda item: -item[1])
        return tuple(Unexplained(name, amount / total) for name, amount in ordered)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader should know of the rules."""
        said = []
        if self.names:
            said.append(
                f"DeepLIFT has no rule of its own for {_listed(list(self.names))}: its part is the gradient averaged "
                "along the straight line from the baseline, and adds up like the rest."
            )
        if self.draws:
            said.append(
                f"The network draws at random when it predicts ({_listed(list(self.draws))}): values are those of one "
                "draw, the same for input and baseline."
            )
        if self.missed:
            said.append(
                f"What {_listed([each.operation for each in self.unexplained])} does cannot be shared out among the "
                "inputs: that part of the difference is the gap."
            )
        return tuple(said)


def _listed(names: list[str]) -> str:
    """Words in a list.

    Examples
    --------
    >>> _listed(["a"]), _listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
