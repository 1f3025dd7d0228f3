import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumvae.data.kit import INSTRUMENTS, STEPS
from drumvae.data.rules import DENSITIES, Rules, bundled_rules
from drumvae.data.templates import ROWS, STYLES, parse_style, read_styles

steady = settings(deadline=None, derandomize=True, max_examples=25)

KICK, SNARE, CLOSED, OPEN, CRASH, RIDE = (
    INSTRUMENTS.index(name) for name in ("kick", "snare", "hihat_closed", "hihat_open", "crash", "ride")
)
SPARSE, USUAL, BUSY = (density._replace(chance=1) for density in DENSITIES)  # each alone

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


def little(text=LITTLE, name="little"):
    return parse_style(name, text)


def rows_of(tenths, row):
    return tenths[:, ROWS.index(row)].tolist()


def at(steps):
    return [steps.get(step, 0) for step in range(STEPS)]


def every_pattern(rules):
    """Return all patterns of the cells that may be hit, [2**m, 16, 9]; two hi-hats at once are among them."""
    cells = np.argwhere((rules._components.hits > 0).any(axis=0))
    assert len(cells) <= 12
    choices = np.array(list(itertools.product([False, True], repeat=len(cells))))
    patterns = np.zeros((len(choices), STEPS, len(INSTRUMENTS)), bool)
    patterns[:, cells[:, 0], cells[:, 1]] = choices
    return patterns


# --- grids


def test_a_grid_is_read_as_it_is_written():
    one, other = little().templates
    assert rows_of(one.tenths, "kick") == at({0: 10, 2: 4})
    assert rows_of(one.tenths, "snare") == at({4: 6})
    assert rows_of(one.tenths, "ghost") == at({4: 3, 13: 5})
    assert (one.name, one.tempo, one.timing, one.loudness) == ("one", (100, 120), (0, 0, 0, 0), 1)
    assert (other.tempo, other.timing) == ((80, 80), (0, 0, 0.3, 0))


def test_ornaments_come_through_as_far_as_there_is_room():
    one, other = little().templates
    assert rows_of(one.tenths, "hihat_open") == at({2: 3})  # 7 + 3
    assert rows_of(other.tenths, "hihat_open") == at({2: 3})  # 2 + 3
    (crowded,) = little(LITTLE.replace("..7.", "..9.").split("[other]")[0]).templates
    assert rows_of(crowded.tenths, "hihat_open") == at({2: 1})


def test_a_change_lies_over_the_template():
    style = little()
    (fill,) = style.changes
    changed = fill.applied(style.templates[0])
    assert rows_of(changed, "kick") == at({2: 4})
    assert rows_of(changed, "crash") == at({0: 5})
    assert rows_of(changed, "snare") == rows_of(style.templates[0].tenths, "snare")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kick         = x.4.", "kick         = x.4", "one: kick has 16"),
        ("kick         = x.4.", "kick         = x.y.", "one: kick has 16"),
        ("kick         = x.4.", "kik          = x.4.", "one: there is no row 'kik'"),
        ("100 120", "120 100", "one: a tempo"),
        ("100 120", "fast", "one: tempo has 2 numbers, not 'fast'"),
        ("100 120", "100", "one: tempo has 2 numbers"),
        ("0 0 0.3 0", "0 0 0.6 0", "other: a tempo is above 0, timing within half"),
        ("3... .... .5..", "5... .... .5..", "one: snare and ghost never sound together"),
        ("0.25", "1.25", "fill: a chance"),
    ],
)
def test_what_is_wrong_in_a_grid_is_named(old, new, says):
    assert old in LITTLE
    with pytest.raises(ValueError, match=says):
        little(LITTLE.replace(old, new, 1))


def test_a_style_has_a_template():
    with pytest.raises(ValueError, match="no template"):
        little("[fill]\nchance = 0.1\n")


# --- the styles


def test_each_style_has_three_to_six_templates_of_different_names():
    styles = read_styles()
    assert tuple(style.name for style in styles) == STYLES
    for style in styles:
        assert 3 <= len(style.templates) <= 6
        assert {change.name for change in style.changes} == {"fill", "after a fill"}
    names = [template.name for style in styles for template in style.templates]
    assert len(names) == len(set(names))


def template(name):
    (found,) = [template for style in read_styles() for template in style.templates if template.name == name]
    return found


# --- their probability


@pytest.fixture(scope="module")
def small():
    """Return rules of two little styles, with all their patterns and the probability of each."""
    rules = Rules([little(), little(LITTLE.replace("x.4.", "2.9.").replace("5... ....", "x... ...."), "else")])
    patterns = every_pattern(rules)
    return rules, patterns, np.exp(rules.log_probability(patterns))


def test_all_patterns_together_have_probability_one(small):
    rules, patterns, chances = small
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    for style in range(2):
        given_style = rules.log_probability(patterns, np.full(len(patterns), style))
        assert np.exp(given_style).sum() == pytest.approx(1, abs=1e-12)


grids = st.lists(st.sampled_from(".0123456789x"), min_size=5, max_size=5)


@steady
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


def test_bars_come_as_often_as_their_probability_says(small):
    rules, patterns, chances = small
    count = 5_000
    bars = np.concatenate([rules.sample(style, count, [0]).hits for style in range(2)])
    index = {pattern.tobytes(): number for number, pattern in enumerate(patterns)}
    found = np.bincount([index[bar.tobytes()] for bar in bars], minlength=len(patterns)) / (2 * count)
    errors = np.sqrt(chances * (1 - chances) / (2 * count))
    assert (found[chances == 0] == 0).all()
    assert (np.abs(found - chances)[chances > 0] <= 5 * errors[chances > 0]).all()


def test_a_bar_that_breaks_a_coupling_is_never_made():
    rules = bundled_rules()
    for style in range(len(STYLES)):
        bars = rules.sample(style, 50, [3]).hits
        assert np.isfinite(rules.log_probability(bars)).all()
        assert not (bars[:, :, CLOSED] & bars[:, :, OPEN]).any()
        both = bars.copy()
        both[:, 6, [CLOSED, OPEN]] = True
        late_crash = bars.copy()
        late_crash[:, 5, CRASH] = True
        crash_alone = bars.copy()
        crash_alone[:, 0, CRASH], crash_alone[:, 0, KICK] = True, False
        crash_and_ride = bars.copy()
        crash_and_ride[:, 0, [CRASH, KICK, RIDE]] = True
        for broken in (both, late_crash, crash_alone, crash_and_ride):
            assert (rules.log_probability(broken) == -np.inf).all()


def test_a_tilt_multiplies_odds_and_leaves_what_is_sure():
    rules = Rules([little()], [BUSY])
    parts = rules._components
    usual = Rules([little()], [USUAL])._components
    unsure = (usual.hits[:, :, KICK] > 0) & (usual.hits[:, :, KICK] < 1)
    odds = [part.hits[:, :, KICK][unsure] / part.rests[:, :, KICK][unsure] for part in (parts, usual)]
    assert np.log(odds[0] / odds[1]) == pytest.approx(BUSY.tilt)
    assert (parts.hits[:, :, KICK][~unsure] == usual.hits[:, :, KICK][~unsure]).all()
    # of the template whose two hi-hats leave room for a rest
    hats = [part.hits[2, 2, [CLOSED, OPEN]] / part.rests[2, 2, CLOSED] for part in (parts, usual)]
    assert np.log(hats[0] / hats[1]) == pytest.approx(BUSY.tilt)


# --- entropy


def test_the_entropy_is_that_of_all_patterns(small):
    rules, patterns, chances = small
    bound = rules.entropy_bound(4_000)
    exact = -(chances[chances > 0] * np.log(chances[chances > 0])).sum()
    assert bound.total_nats == pytest.approx(exact, abs=4 * bound.total_error)
    given_style = []
    for style in range(2):
        logs = rules.log_probability(patterns, np.full(len(patterns), style))
        made = logs[np.isfinite(logs)]
        given_style.append(-(np.exp(made) * made).sum())
    assert bound.given_style_nats == pytest.approx(np.mean(given_style), abs=4 * bound.given_style_error)
    assert 0 < bound.given_style_error < 0.01
    marginal = np.tensordot(chances, patterns, axes=1)
    inside = marginal[(marginal > 0) & (marginal < 1)]
    factorised = -(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum()
    assert bound.factorised_nats == pytest.approx(factorised)


def test_the_entropy_is_the_mean_of_minus_log_p():
    rules = bundled_rules()
    bound = rules.entropy_bound(2_000)
    bars = [rules.sample(style, 400, [7]).hits for style in range(len(STYLES))]
    for logs, nats in (
        (rules.log_probability(np.concatenate(bars)), bound.total_nats),
        (rules.log_probability(np.concatenate(bars), np.repeat(np.arange(5), 400)), bound.given_style_nats),
    ):
        assert -logs.mean() == pytest.approx(nats, abs=4 * logs.std() / np.sqrt(len(logs)))
    assert bound.given_style_nats < bound.total_nats < bound.given_style_nats + np.log(5)
    assert bound.total_nats + 1 < bound.factorised_nats


# --- how bars are played


def test_the_first_bars_are_the_same_whatever_their_count():
    rules = bundled_rules()
    few, many = rules.sample(1, 5, [4, 0]), rules.sample(1, 50, [4, 0])
    for name, array in vars(few).items():
        assert (array == getattr(many, name)[:5]).all()
    assert (rules.sample(1, 5, [4, 1]).hits != few.hits).any()


def test_velocities_are_those_of_midi_and_offsets_stay_within_half_a_step():
    bars = bundled_rules().sample(1, 500, [0])
    loud = bars.velocities[bars.hits]
    assert np.rint(loud * 127) / 127 == pytest.approx(loud, abs=1e-7)
    assert (loud.min(), loud.max()) >= (1 / 128, 0)
    assert loud.max() <= 1
    assert (bars.offsets >= -0.5).all()
    assert (bars.offsets < 0.5).all()
    assert (bars.velocities[~bars.hits] == 0).all()
    assert (bars.offsets[~bars.hits] == 0).all()


def test_swing_lives_in_offsets():
    bars = bundled_rules().sample(STYLES.index("jazz"), 1_000, [0])
    swinging = bars[bars.sources == "jazz/swing ride"]
    early = [-swinging.offsets[:, step, RIDE][swinging.hits[:, step, RIDE]].mean() for step in (0, 4, 8, 12, 7, 15)]
    assert early[:4] == pytest.approx([0] * 4, abs=0.05)
    assert min(early[4:]) > 0.15  # a third, less what would be nearer to another step
