from connections.contract.dialect import Template
from connections.contract.table import Type

FUNCTIONS: dict[str, Template] = {}
CASTS: dict[Type, Template] = {}
