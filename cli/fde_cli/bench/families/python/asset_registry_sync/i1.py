"""
Synchronise the rolling stock unit registry of Quillhaven Rail.

:contact: fde-duty@corvidine.example
"""
import logging
import logging.config
from datetime import datetime
from typing import Iterable, Optional

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import DateTime, String, create_engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class QuillhavenRailSettings(BaseSettings):
    """Read from ``QUILLHAVEN_RAIL_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="QUILLHAVEN_RAIL_")

    dsn: str = "postgresql+psycopg://quillhaven_rail_sync:wq~7Rr2~Kd90~mLp@pg-a7.quillhaven.internal/fleet"
    pool_size: int = 5
    relay_token: str = "cvd~tok~58e1c77b40aa"


LOGGING = {
    "version": 1,
    "formatters": {
        "line": {"format": "%(asctime)s quillhaven-rail %(levelname)s %(message)s"},
    },
    "handlers": {
        "relay": {
            "class": "logging.handlers.SysLogHandler",
            "address": ("relay-02.ops.corvidine.internal", 6514),
            "formatter": "line",
        },
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "loggers": {
        "fde.quillhaven_rail": {"handlers": ["relay", "console"], "level": "INFO"},
    },
}

logger = logging.getLogger("fde.quillhaven_rail.rolling_stock_units")


class Base(DeclarativeBase):
    pass


class RollingStockUnit(Base):
    __tablename__ = "rolling_stock_units"
    __table_args__ = {"schema": "fleet"}

    rolling_stock_unit_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[Optional[str]] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RollingStockUnitRepository:
    """Reads and writes :class:`RollingStockUnit` rows.

    :param session: an open session
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest(self) -> Optional[datetime]:
        """:return: the latest change known to us"""
        stmt = select(RollingStockUnit.changed_at).order_by(RollingStockUnit.changed_at.desc()).limit(1)
        return self.session.scalar(stmt)

    def upsert_rolling_stock_units(self, rows: Iterable[dict]) -> int:
        stmt = insert(RollingStockUnit).values(list(rows))
        stmt = stmt.on_conflict_do_update(
            index_elements=["rolling_stock_unit_id"],
            set_={"label": stmt.excluded.label, "changed_at": stmt.excluded.changed_at},
        )
        return self.session.execute(stmt).rowcount


def sync(rows: list[dict]) -> int:
    logging.config.dictConfig(LOGGING)
    settings = QuillhavenRailSettings()
    engine = create_engine(settings.dsn, pool_size=settings.pool_size, connect_args={"application_name": "quillhaven-rail-rolling-stock-unit-sync"})
    total = 0
    with Session(engine) as session, session.begin():
        repository = RollingStockUnitRepository(session)
        for start in range(0, len(rows), 250):
            total += repository.upsert_rolling_stock_units(rows[start:start + 250])
    logger.info("%d rolling stock units written, mail fde-duty@corvidine.example when this is 0", total)
    return total
