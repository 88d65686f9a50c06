"""What moved, by pictures drawn for the purpose."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.media.frame_choice import chosen
from connectors.media.motion_regions import HEIGHT, WIDTH
from connectors.media.motion_tracks import TRACKS_MAX, Greys, measure
from schemas.clips import Motion


def scene(count: int = 60, level: int = 90) -> Greys:
    return np.full((count, HEIGHT, WIDTH), level, np.uint8)


def measured(pictures: Greys) -> Motion:
    return measure(pictures, np.arange(len(pictures)) / 10).motion


def test_a_box_that_crosses_is_one_track_from_side_to_side() -> None:
    pictures = scene()
    for i, picture in enumerate(pictures):
        picture[40:60, 2 * i + 10 : 2 * i + 20] = 200

    (track,) = measured(pictures).tracks

    assert track.path[0].x < 0.2
    assert track.path[-1].x > 0.8


def test_two_boxes_that_cross_apart_are_two_tracks() -> None:
    pictures = scene()
    for i, picture in enumerate(pictures):
        picture[10:22, 2 * i + 10 : 2 * i + 20] = 200
        picture[65:77, 140 - 2 * i : 150 - 2 * i] = 20

    assert len(measured(pictures).tracks) == 2


def test_a_box_that_pauses_on_its_way_is_still_one_track() -> None:
    pictures = scene(90)
    for i, picture in enumerate(pictures):
        step = i if i < 30 else max(30, i - 25)
        picture[40:60, 2 * step + 10 : 2 * step + 20] = 200

    assert len(measured(pictures).tracks) == 1


def test_a_parked_car_that_leaves_is_one_track_and_its_hole_none() -> None:
    pictures = scene(80)
    for i, picture in enumerate(pictures):
        left = 60 if i < 50 else 60 + 6 * (i - 50)
        picture[40:60, left : left + 30] = 200

    assert len(measured(pictures).tracks) == 1


def test_sensor_noise_alone_is_no_motion() -> None:
    noise = np.random.default_rng(1).normal(20, 9, (60, HEIGHT, WIDTH))

    assert measured(noise.clip(0, 255).astype(np.uint8)).tracks == ()


def test_leaves_that_tremble_all_the_time_are_no_motion() -> None:
    pictures = scene()
    trembling = np.random.default_rng(2).integers(40, 140, (60, 30, 40))
    pictures[:, 10:40, 20:60] = trembling.astype(np.uint8)

    assert measured(pictures).tracks == ()


def test_light_that_changes_everywhere_is_no_motion() -> None:
    pictures = scene()
    pictures[30:] += 70

    assert measured(pictures).tracks == ()


def test_brightness_is_the_mean_luma() -> None:
    assert measured(scene(level=51)).brightness == 0.2


def test_noise_is_higher_where_there_is_more_of_it() -> None:
    random = np.random.default_rng(3)
    calm, wild = (random.normal(90, sigma, (30, HEIGHT, WIDTH)) for sigma in (1, 8))

    assert measured(calm.astype(np.uint8)).noise < measured(wild.astype(np.uint8)).noise


def test_one_picture_is_still() -> None:
    motion = measured(scene(1))

    assert (motion.still, motion.measured_s, motion.frames_measured) == (True, 0.0, 1)


def test_tracks_beyond_the_limit_are_counted() -> None:
    pictures = scene()
    for row in range(5):
        for column in range(4):
            for i, picture in enumerate(pictures[20:40]):
                top, left = 18 * row + 2, 40 * column + i
                picture[top : top + 8, left : left + 8] = 200

    motion = measured(pictures)

    assert (len(motion.tracks), motion.tracks_dropped) == (TRACKS_MAX, 4)


def test_activity_is_where_the_motion_is() -> None:
    pictures = scene()
    for i, picture in enumerate(pictures[20:40]):
        picture[40:60, 4 * i + 10 : 4 * i + 25] = 200

    activity = measure(pictures, np.arange(60) / 10).activity

    assert (activity[:19].sum(), activity[41:].sum()) == (0, 0)
    assert activity[22:38].min() > 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 24))
def test_any_pictures_give_a_motion_within_its_bounds(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (count, 9, 16), np.uint8).repeat(10, 1).repeat(10, 2)

    motion = measured(pictures)

    assert all(1 <= len(track.path) <= 32 for track in motion.tracks)
    assert all(0 <= side <= 1 for track in motion.tracks for side in track.box)


def test_frames_are_chosen_where_most_moves() -> None:
    activity = [0.0] * 10
    activity[7] = 0.1

    assert chosen([float(i) for i in range(10)], activity, 1) == (7,)


def test_frames_of_a_quiet_clip_are_spread() -> None:
    picks = chosen([float(i) for i in range(12)], [0.0] * 12, 4)

    assert min(later - earlier for earlier, later in pairwise(picks)) >= 2


@given(
    activity=st.lists(st.floats(0, 1), max_size=40),
    count=st.integers(1, 10),
)
def test_as_many_frames_are_chosen_as_there_are_up_to_the_limit(
    activity: list[float], count: int
) -> None:
    picks = chosen([i / 2 for i in range(len(activity))], activity, count)

    assert len(set(picks)) == min(count, len(activity))
