"""The models of the room, each in the file of what it serves."""

from apiserver.powerplatform.contract_models import Contract, ContractChange, SourceLook
from apiserver.powerplatform.long_read_models import LongRead, LongReadPiece

__all__ = ["Contract", "ContractChange", "LongRead", "LongReadPiece", "SourceLook"]
