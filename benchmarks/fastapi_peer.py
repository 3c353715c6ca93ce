"""The hand-written service of the comparison: FastAPI, SQLAlchemy and asyncpg, one handler a question, token checked in memory."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from sqlalchemy import MetaData, Table, create_engine, func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql import Select

URL = os.environ["BENCH_URL"]
engine = create_async_engine(URL.replace("postgresql://", "postgresql+asyncpg://"), pool_size=20)
metadata = MetaData()
with create_engine(URL.replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
    customers = Table("customers", metadata, autoload_with=connection)
    orders = Table("orders", metadata, autoload_with=connection)
TOKENS = {os.environ["BENCH_TOKEN"]: "bench"}


def user(x_token: Annotated[str, Header()] = "") -> str:
    """Return who asks."""
    if x_token not in TOKENS:
        raise HTTPException(401)
    return TOKENS[x_token]


app = FastAPI(dependencies=[Depends(user)])


def plain(value: Any) -> float | str:
    """Return what orjson does not know: decimals as numbers, asyncpg's own UUID as text."""
    return float(value) if isinstance(value, Decimal) else str(value)


async def answer(query: Select[Any]) -> Response:
    """Return the rows as JSON."""
    async with engine.connect() as session:
        found = await session.execute(query)
        names = [str(name) for name in found.keys()]  # noqa: SIM118 plain str for orjson
        rows = [dict(zip(names, row, strict=True)) for row in found]
    return Response(orjson.dumps({"value": rows}, default=plain), media_type="application/json")


@app.get("/customers/{key}")
async def customer(key: int) -> Response:
    return await answer(select(customers).where(customers.c.id == key))


@app.get("/customers")
async def every_customer() -> Response:
    return await answer(select(customers).order_by(customers.c.id))


@app.get("/orders")
async def filtered(status: str, total: float, top: int) -> Response:
    chosen = select(orders).where(orders.c.status == status, orders.c.total > total)
    return await answer(chosen.order_by(orders.c.placed.desc()).limit(top))


@app.get("/orders/after/{key}")
async def after(key: int, top: int) -> Response:
    return await answer(select(orders).where(orders.c.id > key).order_by(orders.c.id).limit(top))


@app.get("/orders/count")
async def count(quantity: int) -> Response:
    async with engine.connect() as session:
        found = (await session.execute(select(func.count()).select_from(orders).where(orders.c.quantity > quantity))).scalar_one()
    return Response(str(found), media_type="text/plain")
