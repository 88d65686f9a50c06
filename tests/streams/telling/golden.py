"""Stories as they are told, by the tests of `test_story.py`."""

DESCRIBED_AFTER_FALLBACK = """\
07:41:05 protect reported of camera 65a8f0c2e4b0a1d2c3e4f506: person in gate at 2026-03-14 \
07:41:05 UTC. It names a clip and a still.
07:41:06 The camera is Front gate (Harbour road), which is registered.
07:41:09 The clip was fetched (4.8 MB, 11.0 s) and 2 frames were taken.
07:41:16 gemini was not asked: There is no key for this provider; it was passed over. Give the \
workers its key, or take it out of the order. (GEMINI_API_KEY is not set)
07:41:17 grok (grok-4) was asked with 2 frames and gave no answer after 0.4 s, at unknown cost: \
The account with the provider is used up; it is left alone for five minutes, and the next \
provider was asked. Pay, or raise the limit of the account; it is tried again by itself. \
(credits used up)
07:41:18 openai (gpt-5-mini-2025-08-07) was asked with 2 frames and answered after 1.8 s, for \
$0.000598.
07:41:21 Described by openai: “A person with a backpack walks from the pavement to the gate and \
stops there.”
That is how it stands: revision 1, outcome 019ceb4a-ab62-841f-862c-da34b02d200a."""

LEFT_UNDESCRIBED = """\
07:42:10 frigate reported of camera back_yard: movement at 2026-03-14 07:42:10 UTC. It names a \
clip.
07:42:10 The camera is back_yard, which nobody registered.
07:42:15 The clip is not there, or not any more; we stopped asking for it. Check that the \
recorder keeps clips until we fetch them. (404 from frigate.example) A still stands in for it.
07:42:25 Not described. No provider gave an answer; the event was recorded without a description \
of its own. Nothing to do: it is taken up again when a provider can be asked. (openai: server: \
down)
That is how it stands: revision 1, outcome 019ceb4b-aa5f-81ad-8c47-d706784c3abb."""

SKIPPED_BY_POLICY = """\
07:45:00 protect reported of camera 65a8f0c2e4b0a1d2c3e4f506 that it went offline at 2026-03-14 \
07:45:00 UTC.
07:45:00 The camera is Front gate (Harbour road), which is registered.
07:45:01 No clip was fetched, because nobody is to be asked about this event.
07:45:02 Skipped. The camera only reported that its connection changed; nobody was asked, \
because there is no picture. If it went offline and stays so, look at the camera.
That is how it stands: revision 1, outcome 019ceb4e-4060-8e17-aff5-2d4df9e19c81."""

REPAIRED_LATER = """\
07:41:05 protect reported of camera 65a8f0c2e4b0a1d2c3e4f506: person in gate at 2026-03-14 \
07:41:05 UTC. It names a clip and a still.
07:41:05 The camera is back_yard, which nobody registered.
07:42:05 Not described. The event was too old when its turn came; it was set aside, so that new \
events need not wait. Nothing to do: it is taken up again when a provider can be asked. (older \
than 3600 s)
07:51:05 repair asked for revision 2 (undescribed: too_old).
07:51:15 Revision 2: described by openai: “A person with a backpack walks from the pavement to \
the gate and stops there.”
That is how it stands: revision 2, outcome 019ceb4a-ab62-8138-a2ce-0f7e398b5eda."""

NEVER_ENDED = """\
07:41:05 protect reported of camera 65a8f0c2e4b0a1d2c3e4f506: person in gate at 2026-03-14 \
07:41:05 UTC. It names a clip and a still.
07:41:05 The camera is Front gate (Harbour road), which is registered.
07:41:18 openai (gpt-5-mini): A call began and never ended, because its worker died or was cut \
off; the event was taken up again by another worker. Nothing to do; whether the call was paid \
for, only the provider knows.
07:41:45 Described by openai: “A person with a backpack walks from the pavement to the gate and \
stops there.”
That is how it stands: revision 1, outcome 019ceb4a-ab62-841f-862c-da34b02d200a."""

DEAD_LETTERED = """\
07:41:05 protect reported of camera 65a8f0c2e4b0a1d2c3e4f506: person in gate at 2026-03-14 \
07:41:05 UTC. It names a clip and a still.
07:41:05 The camera is Front gate (Harbour road), which is registered.
07:41:09 The clip was fetched (4.8 MB, 11.0 s) and 2 frames were taken.
07:41:14 The step describe could not process camera.clips.v1[3]@12: agent_failed (KeyError: \
'x'). It is dead letter daa30bb8-f614-816e-bf58-97903fcc8553. Mend the cause, then: ./vidette \
dead-letters redrive daa30bb8-f614-816e-bf58-97903fcc8553
It has no outcome: it waits as a dead letter until somebody redrives it."""

OUTCOME_ALONE = """\
07:42:10 frigate reported of camera back_yard: movement at 2026-03-14 07:42:10 UTC. It names a \
clip.
07:42:10 The camera is back_yard, which nobody registered.
07:42:25 Not described. There is no picture of this event; nobody was asked. See why there is no \
clip; a snapshot that the event names would stand in. (not_found: 404 from frigate.example) The \
clip is not there, or not any more; we stopped asking for it. Check that the recorder keeps \
clips until we fetch them.
That is how it stands: revision 1, outcome 019ceb4b-aa5f-81ad-8c47-d706784c3abb."""
