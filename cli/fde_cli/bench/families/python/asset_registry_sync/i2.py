"""
Synchronise the milk tank registry of Sandrigo Dairy.

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


class SandrigoDairySettings(BaseSettings):
    """Read from ``SANDRIGO_DAIRY_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="SANDRIGO_DAIRY_")

    dsn: str = "postgresql+psycopg://sandrigo_dairy_sync:ok~Xz41~bT8e~Vv3@reporting-db.sandrigo.internal/herd"
    pool_size: int = 12
    relay_token: str = "cvd~tok~58e1c77b40aa"


LOGGING = {
    "version": 1,
    "formatters": {
        "line": {"format": "%(asctime)s sandrigo-dairy %(levelname)s %(message)s"},
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
        "fde.sandrigo_dairy": {"handlers": ["relay", "console"], "level": "INFO"},
    },
}

logger = logging.getLogger("fde.sandrigo_dairy.milk_tanks")


class Base(DeclarativeBase):
    pass


class MilkTank(Base):
    __tablename__ = "milk_tanks"
    __table_args__ = {"schema": "herd"}

    milk_tank_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[Optional[str]] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class MilkTankRepository:
    """Reads and writes :class:`MilkTank` rows.

    :param session: an open session
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest(self) -> Optional[datetime]:
        """:return: the latest change known to us"""
        stmt = select(MilkTank.changed_at).order_by(MilkTank.changed_at.desc()).limit(1)
        return self.session.scalar(stmt)

    def upsert_milk_tanks(self, rows: Iterable[dict]) -> int:
        stmt = insert(MilkTank).values(list(rows))
        stmt = stmt.on_conflict_do_update(
            index_elements=["milk_tank_id"],
            set_={"label": stmt.excluded.label, "changed_at": stmt.excluded.changed_at},
        )
        return self.session.execute(stmt).rowcount


def sync(rows: list[dict]) -> int:
    logging.config.dictConfig(LOGGING)
    settings = SandrigoDairySettings()
    engine = create_engine(settings.dsn, pool_size=settings.pool_size, connect_args={"application_name": "sandrigo-dairy-milk-tank-sync"})
    total = 0
    with Session(engine) as session, session.begin():
        repository = MilkTankRepository(session)
        for start in range(0, len(rows), 1000):
            total += repository.upsert_milk_tanks(rows[start:start + 1000])
    logger.info("%d milk tanks written, mail fde-duty@corvidine.example when this is 0", total)
    return total
