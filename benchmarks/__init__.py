"""Side by side with peers and limits, in one run."""
