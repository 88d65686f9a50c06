"""The simulated site: generated video and the events that a camera would report."""
