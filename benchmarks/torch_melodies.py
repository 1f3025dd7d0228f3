"""The melody GAN in PyTorch: what `melodygan.models.networks`, `.gan` and `.chain` do, layer by layer, eager.

Notation as there: B batch, L cells, P pitches. Draws and contexts are the same; integers are int64, by which PyTorch
indexes.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch_networks import LEAK, Conv1d, MinibatchDiscrimination, noisy

from melodygan.data.form import METERS, MODES
from melodygan.data.grid import KINDS, LENGTH, ONSET, OUTSIDE, PLAN_COLUMNS, REST, ROW
from melodygan.models.chain import (
    _AFTER,
    _LEFT,
    _LENGTHS,
    _SINCE,
    _START,
    _UNKNOWN_LENGTH,
    _WIDEST,
    PHRASE,
)
from melodygan.models.sampling import TEMPERATURE

if TYPE_CHECKING:
    from melodygan.models.gan import MelodyGAN

_SEMITONES = 5.0
_NEIGHBOURS = 12  # semitones of the widest interval that the critic sees
_ROWS = LENGTH // min(ROW.values())
_ROW_CELLS, _CLASSES = torch.tensor(list(ROW.values())), torch.from_numpy(_LENGTHS).long()
_FORM = len(METERS) + len(MODES)
_PLACE = torch.arange(LENGTH)


class Plan(NamedTuple):
    """`melodygan.models.chain.Spelled` in one: meter, mode and cells of a row [B], and the layout, each [B, L]."""

    meter: torch.Tensor
    mode: torch.Tensor
    row: torch.Tensor
    inside: torch.Tensor
    source: torch.Tensor
    rhythm: torch.Tensor


def spelled(conditions: torch.Tensor) -> Plan:
    """Take conditions [B, CONDITIONS] apart."""
    whole = conditions.long()
    meter = whole[:, 0]
    return Plan(meter, whole[:, 1], _ROW_CELLS[meter], *whole[:, PLAN_COLUMNS:].chunk(3, dim=1))


def form_features(plan: Plan) -> torch.Tensor:
    """Return metre and mode, one-hot."""
    hot = functional.one_hot
    return torch.cat([hot(plan.meter, len(METERS)), hot(plan.mode, len(MODES))], -1).float()


def plan_features(plan: Plan) -> torch.Tensor:
    """Return what a plan says about each cell, [B, L, 25]."""
    row, inside = plan.row[:, None], plan.inside.float()
    left = inside.flip(1).cumsum(1).flip(1) / 64
    new = [(source == _PLACE).float() for source in (plan.source, plan.rhythm)]
    cell, phrase = functional.one_hot(_PLACE % row, 16), functional.one_hot(_PLACE // row % PHRASE, PHRASE)
    numbers = torch.stack([inside, left, torch.exp(-8 * left) * inside, *new], -1)
    return torch.cat([cell, phrase, numbers], -1) * inside[..., None]


class Generator(nn.Module):
    """`melodygan.models.networks.build_generator`."""

    def __init__(self, pitches: int, *, latent_dim: int, heads: int, noise: float) -> None:
        super().__init__()
        self.noise = noise
        widths, channels = (latent_dim + _FORM, 256, 512, 1024), (32, 96, 64)
        self.dense = nn.ModuleList(nn.Linear(*sizes) for sizes in itertools.pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width, eps=1e-3, momentum=0.2) for width in widths[1:])
        self.blocks = nn.Linear(widths[-1], LENGTH // 16 * channels[0])
        before = (channels[0], *channels[:-1])
        pairs = zip(before, channels, strict=True)
        self.convolutions = nn.ModuleList(Conv1d(narrow + 25, wide, 5, padding=2) for narrow, wide in pairs)
        self.spread = nn.ModuleList(nn.Linear(width, 4 * width) for width in channels[:-1])
        self.attention = nn.MultiheadAttention(channels[1], heads, batch_first=True) if heads else None
        self.norm = nn.LayerNorm(channels[1], eps=1e-3) if heads else None
        self.logits = nn.Linear(channels[-1], KINDS + pitches + 1)
        nn.init.zeros_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)
        self.regularised = [*self.dense, self.blocks]

    def forward(self, latents: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Map latents to logits [B, L, KINDS + P + 1]."""
        plan = spelled(conditions)
        x = torch.cat([latents, form_features(plan)], -1)
        for dense, norm in zip(self.dense, self.norms, strict=True):
            x = noisy(norm(functional.leaky_relu(dense(x), LEAK)), self.noise)
        cells = plan_features(plan)
        x = self.blocks(x).unflatten(1, (LENGTH // 16, -1))
        for number, convolution in enumerate(self.convolutions):
            of_blocks = cells.unflatten(1, (x.shape[1], -1)).mean(2)
            x = functional.leaky_relu(convolution(torch.cat([x, of_blocks], -1)), LEAK)
            if self.attention and self.norm and number == 1:
                x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
            if number < len(self.spread):
                x = self.spread[number](x).unflatten(-1, (4, -1)).flatten(1, 2)
        return self.logits(x)


def carried_intervals(cells: torch.Tensor) -> torch.Tensor:
    """Return the intervals of each onset to its neighbours, as `melodygan.models.networks.CarriedIntervals`."""
    pitches = cells.shape[-1] - 3
    symbols = cells.detach().argmax(-1)
    sounding = symbols < pitches
    leading = functional.pad(torch.where(sounding, _PLACE, -1).cummax(1).values[:, :-1], (1, 0), value=-1)
    following = following_place(torch.where(sounding, _PLACE, LENGTH), torch.full((len(cells), 1), LENGTH))
    steps = torch.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    found = []
    for neighbour, there in ((leading, leading >= 0), (following, following < LENGTH)):
        wanted = symbols.gather(1, neighbour.clamp(0, LENGTH - 1))[..., None] + steps
        valid = (wanted >= 0) & (wanted < pitches) & there[..., None]
        value = cells[..., :pitches].gather(2, wanted.clamp(0, pitches - 1))
        found.append(torch.where(valid, value, 0.0))
    return torch.cat(found, -1)


def row_similarity(beats: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return the cosines of all rows, [B, rows rows], from the features of their beats [B, 96, width]."""
    in_row, four = plan.row[:, None, None] // 4, torch.arange(4)
    beat = torch.arange(_ROWS)[:, None] * in_row + four
    there = (four < in_row) & (beat < LENGTH // 4)
    rows = torch.take_along_dim(beats, beat.clamp(max=LENGTH // 4 - 1).flatten(1)[..., None], 1)
    rows = (rows * there.flatten(1)[..., None]).unflatten(1, (_ROWS, 4)).flatten(2)
    rows = rows / torch.sqrt(rows.square().sum(-1, keepdim=True) + 1e-3)
    return (rows @ rows.transpose(1, 2)).flatten(1)


class Critic(nn.Module):
    """`melodygan.models.networks.build_critic`: recurrent, or with convolutions for 0 units."""

    def __init__(self, pitches: int, *, units: int, group_size: int, noise: float, score_scale: float) -> None:
        super().__init__()
        self.noise, self.score_scale, self.units = noise, score_scale, units
        width = pitches + 3 + 2 * (2 * _NEIGHBOURS + 1)
        self.cells, self.beats = nn.Linear(width, 48), nn.Linear(4 * 48, 96)
        self.convolutions = nn.ModuleList(Conv1d(96, 96, 3, padding=1) for _ in range(2))
        if units:
            self.first = nn.LSTM(96, units, batch_first=True)
            self.second = nn.LSTM(units, units, batch_first=True, bidirectional=True)
        else:
            self.strided = nn.ModuleList(Conv1d(96, 96, 5, stride=2, padding=2) for _ in range(2))
            self.summary = nn.Linear(LENGTH // 16 * 96, 96)
        self.alike, self.histogram = nn.Linear(_ROWS * _ROWS, 96), nn.Linear(width, 64)
        self.dense = nn.ModuleList([nn.Linear((2 * units or 96) + 96 + 64 + _FORM, 256), nn.Linear(256, 128)])
        self.compared = nn.ModuleList(MinibatchDiscrimination(width, group_size) for width in (128, 64))
        self.score = nn.Linear(128 + 64 + 2 * 16, 1)
        self.regularised = [self.alike, self.histogram, *self.dense, *([] if units else [self.summary])]

    def forward(self, cells: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Map cells [B, L, P + 3] to scores [B, 1]."""
        plan = spelled(conditions)
        both = torch.cat([cells, carried_intervals(cells)], -1)
        x = functional.leaky_relu(self.cells(both), LEAK).unflatten(1, (LENGTH // 4, 4)).flatten(2)
        beats = x = functional.leaky_relu(self.beats(x), LEAK)
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(x), LEAK)
        if self.units:
            x = noisy(self.first(x)[0], self.noise)
            x = noisy(torch.cat(tuple(self.second(x)[1][0]), -1), self.noise)
        else:
            for convolution in self.strided:
                x = functional.leaky_relu(convolution(x), LEAK)
            x = noisy(functional.leaky_relu(self.summary(x.flatten(1)), LEAK), self.noise)
        alike = functional.leaky_relu(self.alike(row_similarity(beats, plan)), LEAK)
        histogram = functional.leaky_relu(self.histogram(both.mean(1)), LEAK)
        x = torch.cat([x, alike, histogram, form_features(plan)], -1)
        for dense in self.dense:
            x = functional.leaky_relu(noisy(dense(x), self.noise), LEAK)
        x = functional.dropout(x, 0.2)
        parts = [compare(part) for compare, part in zip(self.compared, (x, histogram), strict=True)]
        return self.score(torch.cat(parts, -1)) * self.score_scale


class Chain(nn.Module):
    """`melodygan.models.chain.Chain`, untrained: logits as sums over rows of tables."""

    def __init__(self, chain: Any) -> None:
        super().__init__()
        self.symbols, self.origin = chain.symbols, chain.origin
        self.rows, self.weight = _tables(chain.sizes, chain.tables, chain.symbols)
        self.interval_rows, self.interval_weight = _tables(chain.sizes, chain.intervals, 2 * chain.symbols)

    def forward(self, contexts: torch.Tensor) -> torch.Tensor:
        """Map contexts [..., contexts] to logits [..., symbols]."""
        logits = _summed(contexts, *self.rows, self.weight)
        if not self.interval_rows[0].numel():
            return logits
        by_interval = _summed(contexts, *self.interval_rows, self.interval_weight)
        places = torch.arange(self.symbols) + self.symbols - contexts[..., self.origin : self.origin + 1]
        return logits + by_interval.gather(-1, places)


def _tables(sizes: Any, tables: Any, symbols: int) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return strides [contexts, tables] and first rows [tables] of tables one below the other, and their values."""
    strides = torch.zeros(len(sizes), len(tables), dtype=torch.long)
    begins, count = [], 0
    for column, table in enumerate(tables):
        stride = 1
        for context in reversed(table):
            strides[context, column] = stride
            stride *= sizes[context]
        begins.append(count)
        count += stride
    return (strides, torch.tensor(begins, dtype=torch.long)), torch.zeros(count, symbols)


def _summed(contexts: torch.Tensor, strides: torch.Tensor, begin: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    rows = (contexts[..., None] * strides).sum(-2) + begin
    return functional.embedding_bag(rows.flatten(0, -2), weight, mode="sum").unflatten(0, rows.shape[:-1])


def following_place(places: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Return for each cell the least of `places` [B, L] after it, or else `end` [B, 1]."""
    return torch.cat([places[:, 1:], end], 1).flip(1).cummin(1).values.flip(1)


def _nearest_end(left: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    return torch.full_like(left, LENGTH).scatter_reduce(1, source, left, "amin")


def draw_kinds(
    chain: Chain, logits: torch.Tensor, noise: torch.Tensor, plan: Plan
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw what begins at each cell; return kinds [B, L] and contexts [B, L, contexts]."""
    size = len(plan.meter)
    columns = torch.arange(size)
    left = _nearest_end(torch.where(plan.inside > 0, _PLACE, 0).amax(1, keepdim=True) - _PLACE, plan.rhythm)
    kinds = torch.full((LENGTH, size), OUTSIDE)
    last = earlier = torch.full((size,), -1)
    first = torch.tensor([1e9, 0.0, 0.0])
    contexts = []

    def at(places: torch.Tensor, otherwise: int) -> torch.Tensor:
        return torch.where(places >= 0, kinds[places.clamp(min=0), columns], otherwise)

    for n in range(LENGTH):
        began = last >= 0
        context = [
            plan.meter,
            n % plan.row,
            torch.where(began, n - last, 0).clamp(max=_SINCE - 1),
            (at(last, ONSET) == REST).long(),
            torch.where(earlier >= 0, _CLASSES[last - earlier], _UNKNOWN_LENGTH),
            *(at(n - rows * plan.row, OUTSIDE) for rows in (1, 2, 4)),
            left[:, n].clamp(0, _LEFT - 1),
            n // plan.row % PHRASE,
        ]
        contexts.append(torch.stack(context, 1))
        allowed = chain(contexts[-1]) + logits[:, n] - (~began)[:, None] * first
        kind = (allowed + noise[:, n]).argmax(-1)
        kind = torch.where(plan.rhythm[:, n] < n, at(plan.rhythm[:, n], OUTSIDE), kind)
        kind = torch.where(plan.inside[:, n] > 0, kind, OUTSIDE)
        kinds[n] = kind
        begins = (kind == REST) | (kind == ONSET)
        last, earlier = torch.where(begins, n, last), torch.where(begins, last, earlier)
    return kinds.T, torch.stack(contexts, 1)


def draw_pitches(
    chain: Chain, logits: torch.Tensor, noise: torch.Tensor, kinds: torch.Tensor, plan: Plan
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw the pitch of each note; return pitches [B, L], contexts [B, notes, contexts] and cells [B, notes]."""
    size, pitches = len(kinds), chain.symbols
    columns = torch.arange(size)
    sounding = kinds == ONSET
    count = int(sounding.sum(1).max())
    cells = functional.pad(torch.where(sounding, _PLACE, LENGTH).sort(1).values, (0, 1), value=LENGTH)[:, : count + 1]
    end = torch.where(plan.inside > 0, _PLACE + 1, 0).amax(1, keepdim=True)
    begins = torch.where((kinds == REST) | sounding, _PLACE, end)
    lengths = functional.pad((following_place(begins, end) - _PLACE).clamp(min=0), (0, 1))
    after = sounding.flip(1).cumsum(1).flip(1) - sounding.long()
    after = functional.pad(_nearest_end(torch.where(sounding, after, LENGTH), plan.source), (0, 1), value=LENGTH)
    source, rhythm = (functional.pad(part, (0, 1), value=LENGTH) for part in (plan.source, plan.rhythm))
    logits, noise = (functional.pad(part, (0, 0, 0, 1)) for part in (logits, noise))
    drawn = torch.full((size, LENGTH + 1), pitches)
    one = two = three = torch.full((size,), pitches)
    before = torch.full((size,), _UNKNOWN_LENGTH)
    contexts = []

    def read(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return values[columns, places]

    def above(here: torch.Tensor, rows: int) -> torch.Tensor:
        place = here - rows * plan.row
        return torch.where(place >= 0, read(drawn, place.clamp(min=0)), pitches)

    def move(older: torch.Tensor, newer: torch.Tensor) -> torch.Tensor:
        there = (older < pitches) & (newer < pitches)
        return torch.where(there, _WIDEST + (newer - older).clamp(-_WIDEST, _WIDEST), 2 * _WIDEST + 1)

    for k in range(count):
        here = cells[:, k]
        length = _CLASSES[read(lengths, here)]
        following = read(drawn, read(source, cells[:, k + 1]))
        context = [
            *(one, two, three, plan.meter, here % plan.row, length, before),
            read(after, here).clamp(max=_AFTER - 1),
            torch.full((size,), min(k, _START - 1)),
            plan.mode,
            read(drawn, read(rhythm, here)),
            *(above(here, rows) for rows in (1, 2, 4)),
            here // plan.row % PHRASE,
            *(following, move(two, one), move(three, two), move(one, following)),
        ]
        contexts.append(torch.stack(context, 1))
        pitch = (chain(contexts[-1]) + read(logits, here) + read(noise, here)).argmax(-1)
        returned, there = read(drawn, read(source, here)), here < LENGTH
        pitch = torch.where(there, torch.where(returned < pitches, returned, pitch), pitches)
        drawn[columns, here] = pitch
        one, two, three = (torch.where(there, new, old) for new, old in ((pitch, one), (one, two), (two, three)))
        before = torch.where(there, length, before)
    return drawn[:, :LENGTH], torch.stack(contexts, 1), cells[:, :-1]


class Emission:
    """`melodygan.models.gan.MelodyGAN.emit`, with chains that are untrained, as the ones beside them."""

    def __init__(self, model: MelodyGAN) -> None:
        self.pitches = model.pitches
        self.kind_chain, self.pitch_chain = Chain(model.kind_chain), Chain(model.pitch_chain)

    def __call__(self, outputs: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Draw cells from logits [B, L, KINDS + P + 1]: one-hot [B, L, P + 3] forwards, softmax backwards."""
        plan = spelled(conditions)
        of_kinds, of_pitches, contour = outputs.split([KINDS, self.pitches, 1], -1)
        of_pitches = of_pitches + (torch.arange(self.pitches) - self.pitches / 2) / _SEMITONES * contour
        kind_noise, pitch_noise = (
            -TEMPERATURE * torch.log(-torch.log(torch.empty_like(part).uniform_(1e-6, 1.0)))
            for part in (of_kinds, of_pitches)
        )
        with torch.no_grad():
            kinds, kind_contexts = draw_kinds(self.kind_chain, of_kinds, kind_noise, plan)
            pitches, contexts, cells = draw_pitches(self.pitch_chain, of_pitches, pitch_noise, kinds, plan)
        soft_kinds = straight_through(
            self.kind_chain(kind_contexts) + of_kinds + kind_noise, kinds.clamp(max=KINDS - 1)
        )
        soft_kinds = torch.take_along_dim(soft_kinds, plan.rhythm[..., None], 1)
        there = cells.clamp(max=LENGTH - 1)
        logits = torch.take_along_dim(of_pitches + pitch_noise, there[..., None], 1)
        drawn = pitches.gather(1, there).clamp(max=self.pitches - 1)
        notes = straight_through(self.pitch_chain(contexts) + logits, drawn)
        number = ((kinds == ONSET).cumsum(1) - 1).clamp(min=0).gather(1, plan.source).clamp(max=notes.shape[1] - 1)
        soft_pitches = torch.take_along_dim(notes, number[..., None], 1)
        hold, rest, onset = soft_kinds.split(1, -1)
        inside = plan.inside[..., None].float()
        return torch.cat([torch.cat([onset * soft_pitches, hold, rest], -1) * inside, 1 - inside], -1)


def straight_through(logits: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Return one-hot vectors of what was drawn, with the gradient of softmax(logits)."""
    soft = logits.softmax(-1)
    return soft + (functional.one_hot(drawn, logits.shape[-1]) - soft).detach()
