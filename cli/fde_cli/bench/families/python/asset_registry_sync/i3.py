"""
Synchronise the berth slot registry of Ferntofte Marine.

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


class FerntofteMarineSettings(BaseSettings):
    """Read from ``FERNTOFTE_MARINE_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="FERNTOFTE_MARINE_")

    dsn: str = "postgresql+psycopg://ferntofte_marine_sync:pb~9Jc6~Ua2Y~hN0@db02.ferntofte.internal/harbour"
    pool_size: int = 8
    relay_token: str = "cvd~tok~58e1c77b40aa"


LOGGING = {
    "version": 1,
    "formatters": {
        "line": {"format": "%(asctime)s ferntofte-marine %(levelname)s %(message)s"},
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
        "fde.ferntofte_marine": {"handlers": ["relay", "console"], "level": "INFO"},
    },
}

logger = logging.getLogger("fde.ferntofte_marine.berth_slots")


class Base(DeclarativeBase):
    pass


class BerthSlot(Base):
    __tablename__ = "berth_slots"
    __table_args__ = {"schema": "harbour"}

    berth_slot_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[Optional[str]] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BerthSlotRepository:
    """Reads and writes :class:`BerthSlot` rows.

    :param session: an open session
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest(self) -> Optional[datetime]:
        """:return: the latest change known to us"""
        stmt = select(BerthSlot.changed_at).order_by(BerthSlot.changed_at.desc()).limit(1)
        return self.session.scalar(stmt)

    def upsert_berth_slots(self, rows: Iterable[dict]) -> int:
        stmt = insert(BerthSlot).values(list(rows))
        stmt = stmt.on_conflict_do_update(
            index_elements=["berth_slot_id"],
            set_={"label": stmt.excluded.label, "changed_at": stmt.excluded.changed_at},
        )
        return self.session.execute(stmt).rowcount


def sync(rows: list[dict]) -> int:
    logging.config.dictConfig(LOGGING)
    settings = FerntofteMarineSettings()
    engine = create_engine(settings.dsn, pool_size=settings.pool_size, connect_args={"application_name": "ferntofte-marine-berth-slot-sync"})
    total = 0
    with Session(engine) as session, session.begin():
        repository = BerthSlotRepository(session)
        for start in range(0, len(rows), 400):
            total += repository.upsert_berth_slots(rows[start:start + 400])
    logger.info("%d berth slots written, mail fde-duty@corvidine.example when this is 0", total)
    return total
