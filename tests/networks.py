"""Networks as people write them, for tests and benchmarks of the kernels that look inside: nothing here is prepared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet(nn.Module):
    """Functional relu and max-pool, one dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 2))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.5, self.training)
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def vgg(width: int = 8, outputs: int = 10) -> nn.Module:
    """Blocks of two convolutions and a max-pool, in-place ReLUs, three dense layers."""
    layers: list[nn.Module] = []
    channels = 3
    for out in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(out, out, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2)]
        channels = out
    head = [nn.Linear(channels * 4, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(True)]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), *head, nn.Dropout(), nn.Linear(64, outputs)
    )


class BasicBlock(nn.Module):
    """The residual block of torchvision: one in-place ReLU called twice, ``out += identity``."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A stem with an overlapping max-pool, then residual blocks."""

    def __init__(self, width: int = 8, blocks: tuple[int, ...] = (1, 1, 1), outputs: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        layers, channels = [], width
        for i, count in enumerate(blocks):
            for j in range(count):
                layers.append(BasicBlock(channels, width * 2**i, 2 if i and not j else 1))
                channels = width * 2**i
        self.layers = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layers(x))
        return self.fc(torch.flatten(x, 1))


def efficientnet() -> nn.Module:
    """EfficientNet-lite0 as its package has it: one ReLU6 module is called twice in each block."""
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")


class AutoEncoder(nn.Module):
    """Convolutions down, transposed convolutions up; answers with the error of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return ((self.decoder(self.encoder(x)) - x) ** 2).flatten(1).mean(1, keepdim=True)


class UNet(nn.Module):
    """Skip connections by concatenation, up-sampling by transposed convolution; mean logit of each class."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.down1 = self._double(3, width)
        self.down2 = self._double(width, 2 * width)
        self.bottom = self._double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.conv2 = self._double(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.conv1 = self._double(2 * width, width)
        self.out = nn.Conv2d(width, 2, 1)

    @staticmethod
    def _double(channels: int, out: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, out, 3, padding=1),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, padding=1),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.bottom(F.max_pool2d(two, 2))
        x = self.conv2(torch.cat([two, self.up2(x)], dim=1))
        x = self.conv1(torch.cat([one, self.up1(x)], dim=1))
        return self.out(x).mean(dim=(2, 3))


class Recurrent(nn.Module):
    """A recurrent layer, its last hidden state, a dense layer."""

    def __init__(self, cell: type[nn.RNNBase], features: int = 5, hidden: int = 12, **options: Any) -> None:
        super().__init__()
        self.rnn = cell(features, hidden, batch_first=True, **options)
        self.fc = nn.Linear(hidden * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


class Sentiment(nn.Module):
    """Token ids, an embedding, an LSTM over the words alone, the mean of its states."""

    def __init__(self, words: int = 50) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 10, padding_idx=0)
        self.lstm = nn.LSTM(10, 12, batch_first=True)
        self.fc = nn.Linear(12, 2)

    def forward(self, ids: Tensor) -> Tensor:
        mask = (ids != 0).unsqueeze(-1)
        out, _ = self.lstm(self.embedding(ids))
        mean = (out * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.fc(mean)


class TextCNN(nn.Module):
    """Convolutions of three widths over word vectors, maximum over time (Kim 2014)."""

    def __init__(self, words: int = 50) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 10, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(10, 6, k) for k in (2, 3, 4)])
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(18, 2)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids).transpose(1, 2)
        pooled = [
            F.max_pool1d(F.relu(conv(x)), x.size(2) - conv.kernel_size[0] + 1).squeeze(2)
            for conv in self.convs
        ]
        return self.fc(self.dropout(torch.cat(pooled, 1)))


class Transformer(nn.Module):
    """torch's encoder from token ids, with a padding mask; the mean of the words."""

    def __init__(self, words: int = 50, *, norm_first: bool = False, activation: str = "relu") -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 16, padding_idx=0)
        self.position = nn.Parameter(torch.randn(32, 16) * 0.1)
        layer = nn.TransformerEncoderLayer(
            16, 4, 32, dropout=0.1, activation=activation, batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=not norm_first)
        self.fc = nn.Linear(16, 2)

    def forward(self, ids: Tensor) -> Tensor:
        padding = ids == 0
        x = self.embedding(ids) * math.sqrt(16) + self.position[: ids.size(1)]
        x = self.encoder(x, src_key_padding_mask=padding)
        x = x.masked_fill(padding.unsqueeze(-1), 0.0)
        return self.fc(x.sum(1) / (~padding).sum(1, keepdim=True))


class CausalBlock(nn.Module):
    """A block of a small GPT: its own attention with a triangular mask, GELU, LayerNorm."""

    def __init__(self, width: int = 16, heads: int = 4, *, fused: bool = False) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = self.qkv(self.ln1(x)).split(c, dim=2)
        q, k, v = (z.view(b, t, self.heads, c // self.heads).transpose(1, 2) for z in (q, k, v))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(torch.tril(torch.ones(t, t)) == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        x = x + self.proj(y.transpose(1, 2).contiguous().view(b, t, c))
        x = x + self.mlp(self.ln2(x))
        return self.head(x[:, -1])


class SqueezeExcite(nn.Module):
    """Channels gated by their own means."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.squeeze, self.excite = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.fc = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.conv(x))
        scale = F.adaptive_avg_pool2d(x, 1)
        scale = torch.sigmoid(self.excite(F.relu(self.squeeze(scale), inplace=True)))
        x = F.hardswish(x * scale)
        return self.fc(x.mean([2, 3]))


class Mixer(nn.Module):
    """Mixing along tokens and along channels with GELU and SiLU (Tolstikhin et al. 2021)."""

    def __init__(self, tokens: int = 6, width: int = 12) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 16), nn.GELU(), nn.Linear(16, tokens))
        self.channels = nn.Sequential(nn.Linear(width, 24), nn.SiLU(), nn.Linear(24, width))
        self.fc = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.ln1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.ln2(x))
        return self.fc(x.mean(dim=1))


class TemporalBlock(nn.Module):
    """Two dilated causal convolutions with weight norm, cut at the end, and a residual (Bai et al. 2018)."""

    def __init__(self, channels: int, out: int, dilation: int) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.cut = 2 * dilation
        self.conv1 = norm(nn.Conv1d(channels, out, 3, padding=self.cut, dilation=dilation))
        self.conv2 = norm(nn.Conv1d(out, out, 3, padding=self.cut, dilation=dilation))
        self.relu = nn.ReLU()
        self.down = nn.Conv1d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.conv1(x)[:, :, : -self.cut].contiguous())
        y = self.relu(self.conv2(y)[:, :, : -self.cut].contiguous())
        return self.relu(y + (x if self.down is None else self.down(x)))


class TCN(nn.Module):
    """Blocks of growing dilation; the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(TemporalBlock(4 if d == 1 else 8, 8, d) for d in (1, 2, 4)))
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(x)[:, :, -1])


class DenseNet(nn.Module):
    """Every layer sees all layers before it, by concatenation."""

    def __init__(self, growth: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8 + growth * i) for i in range(3)])
        self.convs = nn.ModuleList([nn.Conv2d(8 + growth * i, growth, 3, padding=1) for i in range(3)])
        self.fc = nn.Linear(8 + 3 * growth, 4)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(conv(F.relu(norm(torch.cat(features, 1)))))
        x = F.avg_pool2d(F.relu(torch.cat(features, 1), inplace=True), 4)
        return self.fc(x.mean((2, 3)))


@dataclass(frozen=True)
class Example:
    """A network by name, and the shape of one row; token ids where ``words`` is set."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    words: int = 0
    slow: bool = False

    def net(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Random weights, and running statistics that are not trivial."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = self.make()
            for module in net.modules():
                if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                    module.running_mean.normal_(0, 0.2)
                    module.running_var.uniform_(0.5, 1.5)
        return net.to(dtype).eval()

    def rows(self, n: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
        """Random inputs; of token ids the first row is full, the others end in padding."""
        made = torch.Generator().manual_seed(seed)
        if not self.words:
            return torch.randn(n, *self.shape, generator=made, dtype=torch.float64).to(dtype)
        ids = torch.randint(1, self.words, (n, *self.shape), generator=made)
        for i in range(1, n):
            ids[i, self.shape[0] - i :] = 0
        return ids


EXAMPLES: tuple[Example, ...] = (
    Example(
        "mlp",
        lambda: nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3)),
        (8,),
    ),
    Example("lenet", LeNet, (1, 28, 28)),
    Example("vgg", vgg, (3, 32, 32)),
    Example("resnet", ResNet, (3, 48, 48)),
    Example("efficientnet-lite0", efficientnet, (3, 96, 96), slow=True),
    Example("autoencoder", AutoEncoder, (1, 16, 16)),
    Example("unet", UNet, (3, 16, 16)),
    Example("lstm", lambda: Recurrent(nn.LSTM), (10, 5)),
    Example(
        "lstm, 2 layers both ways", lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True), (10, 5)
    ),
    Example("gru", lambda: Recurrent(nn.GRU), (10, 5)),
    Example("sentiment lstm", Sentiment, (9,), words=50),
    Example("text cnn", TextCNN, (9,), words=50),
    Example("transformer, norm last", Transformer, (9,), words=50),
    Example(
        "transformer, norm first", lambda: Transformer(norm_first=True, activation="gelu"), (9,), words=50
    ),
    Example("causal attention", CausalBlock, (6, 16)),
    Example("causal attention, fused", lambda: CausalBlock(fused=True), (6, 16)),
    Example("squeeze and excitation", SqueezeExcite, (3, 12, 12)),
    Example("mixer", Mixer, (6, 12)),
    Example("temporal convolution", TCN, (4, 20)),
    Example("dense concatenation", DenseNet, (3, 16, 16)),
)
"""Those of the issue that asks for completeness on each."""
