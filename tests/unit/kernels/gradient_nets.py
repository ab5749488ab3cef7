"""Networks and rows that the tests of gradient kernels share."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from jupyter_xai.kernels.input_x_gradient import InputXGradient
from jupyter_xai.kernels.integrated_gradients import IntegratedGradients
from jupyter_xai.kernels.saliency import Saliency

KERNELS = [Saliency, InputXGradient, IntegratedGradients]


def mlp(ends: nn.Module | None = None, out: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, out)]
    return nn.Sequential(*layers, *([ends] if ends else []))


def cnn() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(144, 4),
    )


X = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(20, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 8, batch_first=True)
        self.out = nn.Linear(8 + 3, 2)

    def forward(self, ids, mask, extra, unused):
        states, _ = self.lstm(self.words(ids))
        states = states * mask[:, :, None]
        return self.out(torch.cat([states.sum(1), extra], 1))


class Kink(nn.Module):
    def forward(self, x):
        return torch.relu(10 * (x.sum(1, keepdim=True) - 0.9)) + x.sum(1, keepdim=True)
