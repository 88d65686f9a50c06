"""The headers of a record say what CloudEvents 1.0 asks for."""

from datetime import UTC, datetime
from uuid import UUID

from schemas import headers
from schemas.headers import cloud_event_headers

ID = UUID("019ceb4a-ab62-841f-862c-da34b02d200a")
TIME = datetime(2026, 3, 14, 7, 41, 5, 250_000, UTC)


def made(correlation_id: str = "story-1", traceparent: str | None = None) -> dict[str, bytes]:
    found = cloud_event_headers(
        id=ID,
        type_="described",
        source="/vidette/describe",
        time=TIME,
        correlation_id=correlation_id,
        traceparent=traceparent,
    )
    assert len(dict(found)) == len(found)
    return dict(found)


def test_a_record_carries_the_attributes_of_a_cloud_event() -> None:
    assert made() == {
        "ce_id": b"019ceb4a-ab62-841f-862c-da34b02d200a",
        "ce_type": b"vidette.described",
        "ce_source": b"/vidette/describe",
        "ce_time": b"2026-03-14T07:41:05.250000Z",
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
        "correlation_id": b"story-1",
    }


def test_a_trace_goes_on_when_there_is_one() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert made(traceparent=parent)["traceparent"] == parent.encode()


def test_a_correlation_id_may_be_any_text() -> None:
    assert made(correlation_id="größe-1")["correlation_id"] == "größe-1".encode()


def test_every_header_that_is_ours_alone_bears_our_prefix() -> None:
    ours = [
        headers.REASON,
        headers.DETAIL,
        headers.FIELD,
        headers.STEP,
        headers.TOPIC,
        headers.PARTITION,
        headers.OFFSET,
        headers.TIMESTAMP,
        headers.BLOB_SHA256,
        headers.LETTER_ID,
        headers.REDRIVE_STEP,
        headers.REDRIVEN,
    ]

    assert all(name.startswith(headers.PREFIX) for name in ours)
    assert len(set(ours)) == len(ours)
