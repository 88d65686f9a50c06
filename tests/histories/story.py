"""A site that lives through every kind of outcome, so that its log can be kept as a history.

`python -m tests.histories.story LOG` lives it on services of its own and saves the log there.
"""

import json
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import structs

from infra.services.embedded import running
from schemas.camera_events import CameraConnectionChanged, SmartDetection
from schemas.cameras import CameraRegistered, Hours, Policy, Zone
from schemas.codec import encode
from schemas.examples.upstream import MODEL_RESULT
from streams import identity
from streams.publishing import Upstream as Publishable
from streams.publishing import record
from streams.topics import (
    AI_ATTEMPTS,
    AI_EVENTS,
    AI_INFERENCES,
    CAMERA_EVENTS,
    INFERENCE_RESULTS,
    REGISTRY,
)
from tests.embedded import fresh_cluster, migrated
from tests.system.bad_clips import bad_clips, lay_out, serving
from tests.system.moody_worker import MUTE, REFUSED, REFUSES, Moody
from tests.system.processes import COMMAND, Worker, command, process
from tests.system.site import Site
from tests.system.upstream import NOON, Upstream, sighting

ZONE: Final = Zone(name="gate", polygon=((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))
LATER: Final = Hours(
    start=(NOON + timedelta(hours=2)).strftime("%H:%M"),
    end=(NOON + timedelta(hours=3)).strftime("%H:%M"),
)
POLICIES: Final = {
    "camera-wanted": Policy(labels=("person",)),
    "camera-off": Policy(describe=False),
    "camera-label": Policy(labels=("vehicle",)),
    "camera-zone": Policy(zones=("gate",)),
    "camera-hours": Policy(hours=LATER),
    "camera-removed": Policy(),
}
POISON: Final = (
    b"\xff\xfe",
    b"",
    b"{",
    b'{"type":"no-word-of-ours"}',
    b'{"type":"described","detail":"\\u0000"}',
    b"[" * 10_000,
)


def registration(camera: str, **changes: object) -> CameraRegistered:
    registered = CameraRegistered(
        camera_id=camera,
        source="careless",
        timestamp=NOON,
        name=camera.title(),
        site="Mill Lane 7",
        zones=(ZONE,),
        policy=POLICIES.get(camera, Policy()),
        removed=camera == "camera-removed",
    )
    return structs.replace(registered, **changes)


def publish(upstream: Upstream, *events: Publishable) -> None:
    for event in events:
        made = record(event)
        upstream.send(str(id(made)), made.topic, made.key, made.value, made.headers)
    upstream.flush()


def live(site: Site) -> None:
    """Everything that can become of an event, once, and some of it twice."""
    upstream, moody = Upstream(site.cluster), Moody(site.folder)
    moody.mood("answers")
    good, outside = lay_out(site.clips)
    publish(upstream, *map(registration, POLICIES))
    program = (*COMMAND[:2], "tests.system.moody_worker", str(site.folder), "distant")
    with (
        serving(good.read_bytes()) as server,
        process(site, *program, describe_deadline_s="2") as worker,
    ):
        settle(site, worker)
        sights = [
            sighting(case.camera, case.name, case.url)
            for case in bad_clips(server, site.clips, outside)
        ]
        publish(upstream, *sights, *sightings(good), *others())
        settle(site, worker)
        moody.mood(REFUSES)
        publish(upstream, *left_undescribed(good))
        settle(site, worker)
        moody.mood("answers")
        gone = good.with_name("gone.mp4").as_uri()
        still = sighting("camera-unregistered", "with-a-still", gone)
        publish(upstream, structs.replace(still, snapshot_url=good.as_uri()))
        publish(upstream, *sightings(good)[:3], registration("camera-wanted", name="Renamed"))
        spoil(site, upstream)
        settle(site, worker)
        corrected = encode(sighting("camera-wanted", "corrected"))
        letter = next(one for one in site.open_letters() if one.step == "enrich")
        site.redrive([letter.id], {letter.id: corrected})
        settle(site, worker)


def settle(site: Site, worker: Worker) -> None:
    worker.until(lambda: not any(site.lag().values()))


def sightings(good: Path) -> list[SmartDetection]:
    """Of every camera, with a clip that is good; the first and its like also come a second time."""
    cameras = (*POLICIES, "camera-unregistered", MUTE, REFUSED)
    seen = [sighting(camera, f"seen-by-{camera}", good.as_uri()) for camera in cameras]
    rich = sighting("camera-wanted", "with-everything", good.as_uri())
    return [
        *seen,
        structs.replace(
            rich,
            ended_at=NOON + timedelta(seconds=9),
            zones=("gate",),
            confidence=0.75,
            detections=MODEL_RESULT.detections,
            metadata={"note": "Grüße aus Ωmega 🚗", "deep": {"list": [1, None, 2.5, True]}},
        ),
    ]


def left_undescribed(good: Path) -> list[SmartDetection]:
    """While the provider refuses: what something similar stands in for, and what is too old."""
    alike = sighting("camera-wanted", "alike", good.with_name("gone.mp4").as_uri())
    old = sighting("camera-wanted", "too-old", good.as_uri())
    return [
        structs.replace(alike, snapshot_url=good.as_uri()),
        structs.replace(old, timestamp=NOON - timedelta(days=1)),
    ]


def others() -> list[Publishable]:
    """What is no sighting."""
    camera = "camera-wanted"
    offline = CameraConnectionChanged(
        event_id="off", source="careless", camera_id=camera, timestamp=NOON, state="offline"
    )
    result = structs.replace(MODEL_RESULT, source="careless", camera_id=camera, timestamp=NOON)
    plain = structs.replace(
        result, result_id="plain", camera_id="camera-model", frame_id=None, detections=()
    )
    yesterday = structs.replace(result, result_id="old", timestamp=NOON - timedelta(days=1))
    return [offline, result, plain, yesterday, result]


def spoil(site: Site, upstream: Upstream) -> None:
    """Bytes that are no words, on every topic; and an outcome's record that comes again."""
    for topic in (
        CAMERA_EVENTS,
        INFERENCE_RESULTS,
        AI_EVENTS,
        AI_ATTEMPTS,
        AI_INFERENCES,
        REGISTRY,
    ):
        for number, value in enumerate(POISON):
            name = f"{topic.name}-{number}"
            upstream.send(name, topic.name, name, value, [("odd", b"\x00\xff")])
    outcome = site.taken(AI_EVENTS.name)[0]
    upstream.send("again", AI_EVENTS.name, outcome.key, outcome.value, outcome.headers)
    without_id = {k: v for k, v in json.loads(outcome.value or b"{}").items() if k != "id"}
    upstream.send("no id", AI_EVENTS.name, outcome.key, json.dumps(without_id).encode())
    unknown = identity.camera_id("careless", "camera-wanted")
    upstream.send("tombstone", REGISTRY.name, str(unknown), None)
    upstream.flush()


def save(site: Site, log: Path) -> None:
    """As anybody does it with a log of their own."""
    done = command(site, "log", "save", str(log))
    assert done.returncode == 0, done.stderr


def main(log: Path) -> None:
    """On services of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        endpoints = stack.enter_context(running(folder / "services", print))
        database = stack.enter_context(migrated(endpoints))
        (folder / "site").mkdir()
        site = Site(fresh_cluster(endpoints), database, folder / "site")
        live(site)
        save(site, log)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
