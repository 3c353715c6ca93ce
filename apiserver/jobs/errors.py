"""Errors of jobs, by what the caller must do."""

from __future__ import annotations

from collections.abc import Mapping

from apiserver.jobs.moving_order import JobError


class InvalidJob(JobError):
    """A job that can't work as it is described; `errors` maps a field, or `tasks.0` for the first task, to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


class Busy(JobError):
    """A run of the job is under way: what was asked for has to wait for its end, or for its cancellation."""


class Refused(JobError):
    """A run does not begin, as its job says: raised by what happens before a run."""


__all__ = ["Busy", "InvalidJob", "JobError", "Refused"]
