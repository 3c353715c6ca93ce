"""Template tags of the room of jobs."""
