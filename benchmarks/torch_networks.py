"""Our networks and their training updates in PyTorch, eager, as one writes them with its own layers.

Sequences are [B, T, C], as ours; images are [B, C, height, width], as PyTorch's. The melody GAN is in `torch_melodies`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import keras

    from audiovae.models.vae import AudioVQVAE
    from drumvae.models.vae import DrumVAE
    from manymodes.nn.adversarial import AdversarialModel
    from melodygan.models.lstm import MelodyLSTM

    Batch = tuple[torch.Tensor, ...]

LEAK = 0.2


def parameters_of(network: nn.Module) -> int:
    """Return the number of parameters; an LSTM's second bias, which ours does not have, is not counted."""
    return sum(values.numel() for name, values in network.named_parameters() if "bias_hh" not in name)


def trained(model: keras.Model) -> int:
    """Return the number of parameters that a model of ours trains."""
    return sum(weight.shape.num_elements() for weight in model.trainable_weights)


class ChannelsLast:
    """What makes layers of PyTorch take [B, T, C]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Conv1d(ChannelsLast, nn.Conv1d):
    """A convolution over [B, T, C]."""


class ConvTranspose1d(ChannelsLast, nn.ConvTranspose1d):
    """A transposed convolution over [B, T, C]."""


class MinibatchDiscrimination(nn.Module):
    """`manymodes.nn.layers.MinibatchDiscrimination`."""

    def __init__(self, width: int, group_size: int, kernels: int = 16, kernel_dim: int = 8) -> None:
        super().__init__()
        self.shape = (group_size, kernels, kernel_dim)
        self.projection = nn.Linear(width, kernels * kernel_dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Append to features [B, width] how close they are to those of the others."""
        projected = self.projection(x).view(-1, *self.shape)
        distances = (projected[:, :, None] - projected[:, None]).abs().sum(-1)
        closeness = (torch.exp(-distances).sum(2) - 1) / (self.shape[0] - 1)
        return torch.cat([x, closeness.flatten(0, 1)], -1)


def noisy(x: torch.Tensor, stddev: float) -> torch.Tensor:
    """Add Gaussian noise."""
    return x + stddev * torch.randn_like(x) if stddev else x


# --- adversarial training ----------------------------------------------------------------------------------


class Adversarial:
    """Updates of critic and generator as `manymodes.nn.adversarial.AdversarialModel` makes them, penalty ``r1r2``.

    Args:
        like: our model, for its settings.
        generator: latents and conditions to outputs, and ``emit`` turns outputs and conditions into examples.
        critic: examples and conditions to scores. Layers listed as ``regularised`` have L2 regularisation.
        augment: of examples, real and generated.
    """

    def __init__(
        self,
        like: AdversarialModel,
        generator: nn.Module,
        critic: nn.Module,
        *,
        emit: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda outputs, _: outputs,
        augment: Callable[[torch.Tensor], torch.Tensor] = lambda examples: examples,
        l2: float = 0.0,
    ) -> None:
        self.like, self.generator, self.critic = like, generator, critic
        self.emit, self.augment, self.l2 = emit, augment, l2
        for twin, ours in ((generator, like.generator), (critic, like.discriminator)):
            assert parameters_of(twin) == trained(ours)
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(like.averaging)
        self.averaged = torch.optim.swa_utils.AveragedModel(generator, multi_avg_fn=average, use_buffers=True)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 4e-4, (0.0, 0.99), 1e-7) for network in (generator, critic)
        ]
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR
        self.rates = [cosine(optimizer, 500, 4e-5) for optimizer in self.optimizers]
        self.step = 0

    def update(self, real: torch.Tensor, conditions: torch.Tensor) -> dict[str, float]:
        """Update the critic, then the generator."""
        wasserstein, interval = self.like.objective == "wasserstein", self.like.penalty_interval
        with torch.no_grad():
            fake = self._generate(conditions)
        examples = self.augment(torch.cat([real, fake]))
        penalised = self.step % interval == 0
        examples.requires_grad_(penalised)
        scores = self.critic(examples, torch.cat([conditions, conditions]))
        of_real, of_fake = scores.chunk(2)
        gap = of_real.mean() - of_fake.mean()
        critic_loss = -gap if wasserstein else functional.softplus(of_fake - of_real).mean()
        total = critic_loss + self._regularisation(self.critic)
        if penalised:
            (gradient,) = torch.autograd.grad(scores.sum(), examples, create_graph=True)
            total = total + self.like.penalty_weight * interval * gradient.square().flatten(1).sum(1).mean()
        critic_gradient = self._descend(1, total)

        self.critic.requires_grad_(False)
        with torch.no_grad():
            known = torch.zeros(1, 1) if wasserstein else self.critic(self.augment(real), conditions)
        of_fake = self.critic(self.augment(self._generate(conditions)), conditions)
        generator_loss = -of_fake.mean() if wasserstein else functional.softplus(known - of_fake).mean()
        generator_gradient = self._descend(0, generator_loss + self._regularisation(self.generator))
        self.critic.requires_grad_(True)
        self.averaged.update_parameters(self.generator)
        self.step += 1
        losses = {"critic_loss": critic_loss, "generator_loss": generator_loss, "score_gap": gap}
        losses |= {"critic_gradient": critic_gradient, "generator_gradient": generator_gradient}
        return {name: value.item() for name, value in losses.items()}

    def _generate(self, conditions: torch.Tensor) -> torch.Tensor:
        latents = torch.randn(len(conditions), self.like.latent_dim)
        return self.emit(self.generator(latents, conditions), conditions)

    def _regularisation(self, network: nn.Module) -> torch.Tensor | float:
        if not self.l2:
            return 0.0
        return self.l2 * sum(layer.weight.square().sum() for layer in network.regularised)

    def _descend(self, player: int, loss: torch.Tensor) -> torch.Tensor:
        """Make one step of an optimizer; return the norm of the gradient."""
        self.optimizers[player].zero_grad()
        loss.backward()
        gradients = [values.grad for values in (self.generator, self.critic)[player].parameters()]
        self.optimizers[player].step()
        self.rates[player].step()
        return nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])


# --- letters -----------------------------------------------------------------------------------------------


class Styled(nn.Module):
    """`fontgan.models.networks.styled`."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        self.scale, self.shift = nn.Linear(style, channels), nn.Linear(style, channels)

    def forward(self, x: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
        """Normalise the channels of each pixel, then scale and shift them."""
        x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6) * self.gain
        return functional.leaky_relu(
            x * self.scale(styles)[..., None, None] + self.shift(styles)[..., None, None], LEAK
        )


class SharpGenerator(nn.Module):
    """`fontgan.models.networks.build_sharp_generator`."""

    def __init__(self, width: int, style: int = 128, channels: Sequence[int] = (96, 48, 16)) -> None:
        super().__init__()
        self.styles = nn.Sequential(
            nn.Linear(width, style), nn.LeakyReLU(LEAK), nn.Linear(style, style), nn.LeakyReLU(LEAK)
        )
        self.coarse = nn.Linear(style, 49 * channels[0])
        before = (channels[0], *channels[:-1])
        pairs = list(zip(before, channels, strict=True))
        self.larger = nn.ModuleList(nn.ConvTranspose2d(*pair, 4, stride=2, padding=1) for pair in pairs[1:])
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for width in channels)
        self.styled_larger = nn.ModuleList(Styled(width, style) for width in channels[1:])
        self.styled = nn.ModuleList(Styled(width, style) for width in channels)
        self.image = nn.Conv2d(channels[-1], 1, 3, padding=1)

    def forward(self, latents: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Map latents to images."""
        styles = self.styles(torch.cat([latents, conditions], -1))
        x = self.coarse(styles).unflatten(1, (-1, 7, 7))
        for number, convolution in enumerate(self.convolutions):
            if number:
                x = self.styled_larger[number - 1](self.larger[number - 1](x), styles)
            x = self.styled[number](convolution(x), styles)
        return torch.tanh(self.image(x))


class SharpCritic(nn.Module):
    """`fontgan.models.networks.build_sharp_critic`."""

    def __init__(self, condition_dim: int, group_size: int, width: int = 128) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 4, stride=2, padding=1), nn.LeakyReLU(LEAK), nn.Conv2d(24, 48, 3, padding=1),
            nn.LeakyReLU(LEAK), nn.Conv2d(48, 96, 4, stride=2, padding=1), nn.LeakyReLU(LEAK),
            nn.Flatten(), nn.Linear(96 * 49, width), nn.LeakyReLU(LEAK),
        )  # fmt: skip
        self.compared, self.score = MinibatchDiscrimination(width, group_size), nn.Linear(width + 16, 1)
        self.projection = nn.Linear(condition_dim, width, bias=False)

    def forward(self, images: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Map images to scores [B, 1]."""
        x = self.features(images)
        return self.score(self.compared(x)) + (self.projection(conditions) * x).sum(1, keepdim=True)


def shifted(images: torch.Tensor, reach: int) -> torch.Tensor:
    """Shift images [B, 1, height, width] as `fontgan.models.gan.FontGAN.augment`."""
    size = images.shape[-1]
    shifts = torch.randint(0, 2 * reach + 1, (2, len(images), 1)) + torch.arange(size)
    padded = functional.pad(images, [reach] * 4, value=-1.0)
    rows = torch.take_along_dim(padded, shifts[0][:, None, :, None], 2)
    return torch.take_along_dim(rows, shifts[1][:, None, None, :], 3)


# --- melodies, drums and sounds ----------------------------------------------------------------------------


def updating(
    network: Composer | Drums | Sounds, optimizer: torch.optim.Optimizer, norm: float
) -> Callable[..., dict[str, float]]:
    """Return the function that makes an update with the loss that a network measures, its gradients clipped."""

    def update(*batch: Any) -> dict[str, float]:
        optimizer.zero_grad()
        losses = network.measure(*batch)
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(network.parameters(), norm)
        optimizer.step()
        return {name: value.item() for name, value in losses.items()}

    return update


class Composer(nn.Module):
    """`melodygan.models.lstm.MelodyLSTM`, read from features that are one-hot but for the lookbacks."""

    def __init__(self, model: MelodyLSTM) -> None:
        super().__init__()
        (symbols, width), lookbacks = model.embedding.embeddings.shape, len(model.lookback)
        inputs, self.dropout, self.weight_dropout = model.lstm.cell.kernel.shape[0], model.rate, 0.3
        self.features = inputs - lookbacks * width
        self.embedding = nn.Embedding(symbols, width)
        self.lstm = nn.LSTM(inputs, model.units, batch_first=True)
        self.logits, self.shortcut = nn.Linear(model.units, symbols), nn.Linear(inputs, symbols, bias=False)
        assert parameters_of(self) == trained(model)

    def forward(self, hot: torch.Tensor, earlier: torch.Tensor) -> torch.Tensor:
        """Map what is 1 of the features, [B, T, categories], and earlier symbols, [B, T, lookbacks], to logits."""
        embedded = functional.dropout(self.embedding(earlier), self.dropout).flatten(2)
        read = torch.cat([torch.zeros(*hot.shape[:2], self.features).scatter_(2, hot, 1.0), embedded], -1)
        dropped = {"weight_hh_l0": functional.dropout(self.lstm.weight_hh_l0, self.weight_dropout)}
        hidden, _ = torch.func.functional_call(self.lstm, dropped, read)
        return self.logits(functional.dropout(hidden, self.dropout)) + self.shortcut(read)

    def measure(self, hot: torch.Tensor, earlier: torch.Tensor, expected: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss of expected symbols."""
        return {"loss": functional.cross_entropy(self(hot, earlier).flatten(0, 1), expected.flatten())}


class Drums(nn.Module):
    """`drumvae.models.vae.DrumVAE`, top-down and supervised."""

    def __init__(self, model: DrumVAE) -> None:
        super().__init__()
        self.like, dropout = model, model.dropout
        high, low, (fine, middle, coarse) = model.high_dim, model.low_dim, model.channels
        self.encoder = nn.Sequential(
            nn.Dropout(dropout), Conv1d(9, fine, 3, padding=1), nn.ReLU(),
            Conv1d(fine, middle, 4, stride=2, padding=1), nn.ReLU(),
            Conv1d(middle, coarse, 4, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout),
        )  # fmt: skip
        self.high_encoder = nn.Sequential(nn.Dropout(model.high_dropout), nn.Linear(4 * coarse + 289, 2 * high))
        self.low_encoder = nn.Sequential(nn.Linear(4 * coarse + high, 128), nn.ReLU(), nn.Linear(128, 2 * low))
        self.low_prior = nn.Sequential(nn.Linear(high, 128), nn.ReLU(), nn.Linear(128, 2 * low))
        self.decoder = nn.Sequential(
            nn.Linear(high + low, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, 4 * coarse), nn.ReLU(),
            nn.Unflatten(1, (4, coarse)), nn.Dropout(dropout),
            ConvTranspose1d(coarse, middle, 4, stride=2, padding=1), nn.ReLU(), nn.Dropout(dropout),
            ConvTranspose1d(middle, fine, 4, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.hits = Conv1d(fine, 9, 3, padding=1)
        self.player = nn.Sequential(
            Conv1d(fine + 9, 64, 3, padding=1), nn.ReLU(), nn.Dropout(0.3),
            Conv1d(64, 64, 3, padding=1), nn.ReLU(), nn.Dropout(0.3), Conv1d(64, 36, 1),
        )  # fmt: skip
        self.style_means = nn.Parameter(torch.randn(len(model.styles), high))
        assert parameters_of(self) == trained(model)

    def measure(self, batch: Batch, styles: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss and its parts, as `DrumVAE.train_step`; a batch is hits, velocities, offsets and tempos."""
        like, (hits, velocities, offsets, tempos) = self.like, batch
        features = self.encoder(hits)
        faster = torch.log(tempos / like.tempo)
        played = [(hits * (velocities - 0.5)).flatten(1), (hits * offsets * 4).flatten(1), 3 * faster[:, None]]
        known = torch.cat(played, 1) * functional.dropout(torch.ones(len(hits), 1), 0.25)
        high_mean, high_log = _bounded(self.high_encoder(torch.cat([features, known], 1)))
        high = high_mean + torch.exp(high_log / 2) * torch.randn_like(high_mean)
        low_mean, low_log = _bounded(self.low_encoder(torch.cat([features, high], 1)))
        low = low_mean + torch.exp(low_log / 2) * torch.randn_like(low_mean)
        decoded = self.decoder(torch.cat([high, low], 1))
        cells = functional.binary_cross_entropy_with_logits(self.hits(decoded), hits, reduction="none")
        reconstruction = cells.sum((1, 2)).mean()
        means = self.style_means[styles]
        kl_high = _divergence(high_mean, high_log, means, torch.zeros_like(means))
        kl_low = _divergence(low_mean, low_log, *_bounded(self.low_prior(high)))
        free = sum(kl.mean(0).clamp(min=like.free_bits_nats).sum() for kl in (kl_high, kl_low))
        playing = self._playing_loss(decoded.detach(), hits, velocities, offsets, faster)
        logits = -0.5 * (high[:, None] - self.style_means).square().sum(-1)
        entropy = functional.cross_entropy(logits, styles)
        return {
            "loss": reconstruction + free + playing + like.style_weight * entropy,
            "elbo": -(reconstruction + (kl_high.sum(1) + kl_low.sum(1)).mean()),
            "reconstruction": reconstruction,
            "kl_high": kl_high.sum(1).mean(),
            "kl_low": kl_low.sum(1).mean(),
            "playing": playing,
            "style": entropy,
            "accuracy": (logits.argmax(1) == styles).float().mean(),
        }

    def _playing_loss(
        self, features: torch.Tensor, hits: torch.Tensor, velocities: torch.Tensor, offsets: torch.Tensor, faster: Any
    ) -> torch.Tensor:
        parts = self.player(torch.cat([functional.dropout(features, 0.5), hits], -1))
        mean_v, scale_v, mean_o, scale_o = parts.chunk(4, -1)
        log_v, log_o = (2 * torch.log(functional.softplus(scale - 2) + 0.02) for scale in (scale_v, scale_o))
        log_o = log_o + 2 * faster[:, None, None]
        loss = hits * ((velocities - torch.sigmoid(mean_v)).square() * torch.exp(-log_v) + log_v)
        loss = loss + hits * ((offsets - 0.5 * torch.tanh(mean_o)).square() * torch.exp(-log_o) + log_o)
        return 0.5 * loss.sum() / hits.sum().clamp(min=1)


def _bounded(parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, log_variance = parameters.chunk(2, -1)
    return mean, 8 * torch.tanh(log_variance / 8)


def _divergence(mean: torch.Tensor, log: torch.Tensor, of_mean: torch.Tensor, of_log: torch.Tensor) -> torch.Tensor:
    return 0.5 * (of_log - log + torch.exp(log - of_log) + (mean - of_mean).square() * torch.exp(-of_log) - 1)


class Residual(nn.Module):
    """`audiovae.models.networks._residual`, over [B, C, T]."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-3)
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the output of a dilated convolution."""
        added = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return x + self.narrow(functional.silu(self.wide(added)))


class Sounds(nn.Module):
    """`audiovae.models.vae.AudioVQVAE` of raw sounds [B, 22050], with a learned codebook."""

    def __init__(self, model: AudioVQVAE) -> None:
        super().__init__()
        fine, width, depth, self.count = model.form.fine, model.form.width, model.code_width, model.code_count
        self.fine, self.commitment = fine, float(model.commitment)
        stacks = [[Residual(width, dilation) for dilation in model.form.dilations] for _ in range(2)]
        self.encoder = nn.Sequential(
            nn.Conv1d(32, fine, 3), Residual(fine), nn.SiLU(), nn.Conv1d(fine, width, 8, stride=4, padding=2),
            *stacks[0], nn.Conv1d(width, depth, 1), nn.BatchNorm1d(depth, momentum=0.05, affine=False),
        )  # fmt: skip
        self.spread = nn.Sequential(
            nn.Conv1d(depth, width, 3, padding=1), *stacks[1], nn.SiLU(), nn.Conv1d(width, 4 * fine, 3, padding=1)
        )
        self.written = nn.Sequential(Residual(fine), nn.SiLU(), nn.Conv1d(fine, 32, 3, padding=2))
        self.windows = [torch.hann_window(window) for window in (256, 1024, 2048)]
        self.codebook = torch.randn(self.count, depth)
        self.sums, self.counts = torch.zeros(self.count, depth), torch.zeros(self.count)
        self.updates = 0
        assert parameters_of(self) == trained(model)

    def encode(self, sounds: torch.Tensor) -> torch.Tensor:
        """Return the encodings of sounds, [B, N, D]."""
        patches = functional.pad(sounds, (0, 690 * 32 - 22050)).unflatten(1, (690, 32)).transpose(1, 2)
        return self.encoder(patches).transpose(1, 2)

    def nearest(self, encodings: torch.Tensor) -> torch.Tensor:
        """Return the codes of encodings."""
        return torch.cdist(encodings, self.codebook).argmin(-1)

    def decode(self, encodings: torch.Tensor) -> torch.Tensor:
        """Return the sounds of encodings."""
        x = self.spread(encodings.transpose(1, 2)).transpose(1, 2).reshape(len(encodings), -1, self.fine)
        return self.written(x.transpose(1, 2)).transpose(1, 2).flatten(1)[:, :22050]

    def measure(self, sounds: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the loss and its parts, as `AudioVQVAE.train_step`, and update the codebook."""
        encodings = self.encode(sounds)
        with torch.no_grad():
            flat = encodings.flatten(0, 1)
            codes = self._followed(flat)
        values = self.codebook_before[codes].view_as(encodings)
        commitment = (encodings - values).square().mean()
        estimate = self.decode(encodings + (values - encodings).detach())
        difference, spectral = (sounds - estimate).abs().mean(), self._spectral_loss(sounds, estimate)
        rebuilt = 10 * difference + spectral
        shares = torch.bincount(codes, minlength=self.count) / len(codes)
        return {
            "loss": rebuilt + self.commitment * commitment,
            "reconstruction": rebuilt,
            "difference": difference,
            "spectral": spectral,
            "commitment": commitment,
            "perplexity": torch.exp(-torch.xlogy(shares, shares).sum()),
        }

    def _followed(self, flat: torch.Tensor) -> torch.Tensor:
        """Return codes, and let the codebook follow the encodings, as `audiovae.models.quantizer.VectorQuantizer`."""
        even = torch.full_like(self.counts, 1 / self.count)
        if self.updates == 0:
            self.codebook = flat[torch.randint(len(flat), (self.count,))]
            self.sums, self.counts = self.codebook / self.count, even
        codes, self.codebook_before = self.nearest(flat), self.codebook
        won = torch.bincount(codes, minlength=self.count) / len(flat)
        counts = self.counts.lerp(won, 0.05)
        sums = self.sums.lerp(torch.zeros_like(self.sums).index_add_(0, codes, flat) / len(flat), 0.05)
        dead = counts < 0.25 * even
        moved = flat[torch.randint(len(flat), (self.count,))] / self.count
        self.counts, self.sums = torch.where(dead, even, counts), torch.where(dead[:, None], moved, sums)
        self.codebook = self.sums / self.counts[:, None]
        self.updates += 1
        return codes

    def _spectral_loss(self, reference: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
        """Return the loss of `audiovae.metrics.spectra.spectral_loss_tf`, the mean over a batch."""
        losses = []
        for window in self.windows:
            size = len(window)
            x, y = (
                torch.stft(each, size, size // 4, window=window, pad_mode="constant", return_complex=True).abs()
                * (4 / size)
                for each in (reference, estimate)
            )
            distance = torch.sqrt((x - y).square().sum((1, 2)) + 1e-38)
            logs = (torch.log(x + 1e-4) - torch.log(y + 1e-4)).abs().mean((1, 2))
            losses.append((distance / torch.sqrt(x.square().sum((1, 2)) + 1e-38) + logs).mean())
        return torch.stack(losses).mean()
