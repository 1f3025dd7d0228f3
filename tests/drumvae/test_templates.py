import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr

from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.data.rules import ROWS, STYLES, Rules, bundled_rules, parse_style

KICK, CLOSED, OPEN, CRASH, RIDE = (
    INSTRUMENTS.index(name) for name in ("kick", "hihat_closed", "hihat_open", "crash", "ride")
)

LITTLE = """
[ornaments]
hihat_open   = ..3. .... .... ....

[one]
tempo        = 100 120
kick         = x.4. .... .... ....
snare        = .... 6... .... ....
ghost        = .... 3... .... .5..
hihat_closed = ..7. .... .... ....

[other]
tempo        = 80 80
timing       = 0 0 0.3 0
kick         = 9... .... .... ....
hihat_closed = x.2. .... .... ....

[fill]
chance       = 0.25
kick         = 0... .... .... ....
crash        = 5... .... .... ....
hihat_closed = 0... .... .... ....
"""


LITTLE_STYLE = parse_style("little", LITTLE)


def chances_of(template, row):
    """Return the chances that are not 0, in tenths, by step."""
    tenths = template.tenths[:, ROWS.index(row)]
    return {step: int(tenths[step]) for step in np.flatnonzero(tenths)}


def every_pattern(rules):
    """Return all patterns of the cells that may be hit, [2**m, 16, 9]; two hi-hats at once are among them."""
    cells = np.argwhere((rules._components.hits > 0).any(axis=0))
    assert len(cells) <= 12
    choices = np.array(list(itertools.product([False, True], repeat=len(cells))))
    patterns = np.zeros((len(choices), STEPS, len(INSTRUMENTS)), bool)
    patterns[:, cells[:, 0], cells[:, 1]] = choices
    return patterns


def test_a_grid_is_read_as_it_is_written_and_ornaments_come_through_as_far_as_there_is_room():
    one, other = LITTLE_STYLE.templates
    assert chances_of(one, "kick") == {0: 10, 2: 4}
    assert chances_of(one, "snare") == {4: 6}
    assert chances_of(one, "ghost") == {4: 3, 13: 5}
    assert (one.name, one.tempo, one.timing, one.loudness) == ("one", (100, 120), (0, 0, 0, 0), 1)
    assert (other.tempo, other.timing) == ((80, 80), (0, 0, 0.3, 0))
    assert chances_of(one, "hihat_open") == {2: 3}  # 7 + 3
    assert chances_of(other, "hihat_open") == {2: 3}  # 2 + 3
    crowded = parse_style("little", LITTLE.replace("..7.", "..9.")).templates[0]
    assert chances_of(crowded, "hihat_open") == {2: 1}


@pytest.fixture(scope="module")
def small():
    """Return rules of two little styles, with all their patterns and the probability of each."""
    other = parse_style("else", LITTLE.replace("x.4.", "2.9.").replace("5... ....", "x... ...."))
    rules = Rules([LITTLE_STYLE, other])
    patterns = every_pattern(rules)
    return rules, patterns, np.exp(rules.log_probability(patterns))


grids = st.lists(st.sampled_from(".0123456789x"), min_size=5, max_size=5)


@settings(max_examples=25)
@given(first=grids, second=grids, change=grids)
def test_all_patterns_of_any_grid_together_have_probability_one(first, second, change):
    def section(kick, snare, ghost, closed, opened):
        rows = {"kick": kick, "snare": snare, "ghost": ghost, "hihat_closed": closed, "hihat_open": opened}
        return "\n".join(f"{name} = {character}{'.' * 15}" for name, character in rows.items())

    try:
        style = parse_style(
            "any",
            f"[ornaments]\n{section(*first)}\n[one]\ntempo = 90 90\n{section(*second)}\n"
            f"[fill]\nchance = 0.5\n{section(*change)}\n",
        )
    except ValueError as error:
        assert "never sound together" in str(error)  # noqa: PT017 - one of many grids drawn, not the one thing tested
        return
    rules = Rules([style])
    assert np.exp(rules.log_probability(every_pattern(rules))).sum() == pytest.approx(1, abs=1e-12)


def test_bars_are_as_frequent_as_their_probability(small):
    rules, patterns, chances = small
    count = 5_000
    bars = np.concatenate([rules.sample(style, count, [0]).hits for style in range(2)])
    index = {pattern.tobytes(): number for number, pattern in enumerate(patterns)}
    result = np.bincount([index[bar.tobytes()] for bar in bars], minlength=len(patterns)) / (2 * count)
    errors = np.sqrt(chances * (1 - chances) / (2 * count))
    assert (result[chances == 0] == 0).all()
    assert (np.abs(result - chances)[chances > 0] <= 5 * errors[chances > 0]).all()


def test_a_bar_that_breaks_a_rule_is_never_made():
    rules = bundled_rules()
    bars = np.concatenate([rules.sample(style, 50, [3]).hits for style in range(len(STYLES))])
    assert np.isfinite(rules.log_probability(bars)).all()
    for step, struck, rests in (
        (6, [CLOSED, OPEN], []),  # both hi-hats
        (5, [CRASH], []),  # a late crash
        (0, [CRASH], [KICK]),  # a crash alone
        (0, [CRASH, KICK, RIDE], []),
    ):
        broken = bars.copy()
        broken[:, step, struck], broken[:, step, rests] = True, False
        assert (rules.log_probability(broken) == -np.inf).all()


def test_the_entropy_is_that_of_all_patterns(small):
    rules, patterns, chances = small
    bound = rules.entropy_bound(4_000)
    assert bound.total_nats == pytest.approx(entr(chances).sum(), abs=4 * bound.total_error)
    given_style = [entr(np.exp(Rules([style]).log_probability(patterns))).sum() for style in rules.styles]
    assert bound.given_style_nats == pytest.approx(np.mean(given_style), abs=4 * bound.given_style_error)
    assert 0 < bound.given_style_error < 0.01
    marginal = np.tensordot(chances, patterns, axes=1)
    assert bound.factorised_nats == pytest.approx((entr(marginal) + entr(1 - marginal)).sum())


def test_the_first_bars_are_the_same_whatever_their_count():
    rules = bundled_rules()
    few, many = rules.sample(1, 5, [4, 0]), rules.sample(1, 50, [4, 0])
    for name, array in vars(few).items():
        assert (array == getattr(many, name)[:5]).all()
    assert (rules.sample(1, 5, [4, 1]).hits != few.hits).any()


def test_velocities_are_those_of_midi_and_offsets_stay_within_half_a_step():
    bars = bundled_rules().sample(1, 500, [0])
    loud, late = bars.velocities[bars.hits], bars.offsets[bars.hits]
    assert np.rint(loud * 127) / 127 == pytest.approx(loud, abs=1e-7)
    assert 1 / 128 < loud.min() < loud.max() <= 1
    assert -0.5 <= late.min() < late.max() < 0.5
    assert not bars.velocities[~bars.hits].any()
    assert not bars.offsets[~bars.hits].any()


def test_swing_is_in_the_offsets():
    bars = bundled_rules().sample(STYLES.index("jazz"), 1_000, [0])
    swinging = bars[bars.sources == "jazz/swing ride"]
    early = [-swinging.offsets[:, step, RIDE][swinging.hits[:, step, RIDE]].mean() for step in (0, 4, 8, 12, 7, 15)]
    assert early[:4] == pytest.approx([0] * 4, abs=0.05)
    assert min(early[4:]) > 0.15  # a third, less what would be nearer to another step
