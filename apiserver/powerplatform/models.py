"""The models of the room, each in the file of what it serves."""

from apiserver.powerplatform.long_read_models import LongRead, LongReadPiece

__all__ = ["LongRead", "LongReadPiece"]
