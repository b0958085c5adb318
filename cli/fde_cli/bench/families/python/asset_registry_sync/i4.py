"""
Synchronise the infusion pump registry of Wexmarsh Clinics.

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


class WexmarshClinicsSettings(BaseSettings):
    """Read from ``WEXMARSH_CLINICS_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="WEXMARSH_CLINICS_")

    dsn: str = "postgresql+psycopg://wexmarsh_clinics_sync:jv~E5s8~Qm1w~Gk7@ehr-replica.wexmarsh.internal/ward"
    pool_size: int = 20
    relay_token: str = "cvd~tok~58e1c77b40aa"


LOGGING = {
    "version": 1,
    "formatters": {
        "line": {"format": "%(asctime)s wexmarsh-clinics %(levelname)s %(message)s"},
    },
    "handlers": {
        "relay": {
            "class": "logging.handlers.SysLogHandler",
            "address": ("relay-05.ops.corvidine.internal", 6514),
            "formatter": "line",
        },
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "loggers": {
        "fde.wexmarsh_clinics": {"handlers": ["relay", "console"], "level": "INFO"},
    },
}

logger = logging.getLogger("fde.wexmarsh_clinics.infusion_pumps")


class Base(DeclarativeBase):
    pass


class InfusionPump(Base):
    __tablename__ = "infusion_pumps"
    __table_args__ = {"schema": "ward"}

    infusion_pump_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[Optional[str]] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class InfusionPumpRepository:
    """Reads and writes :class:`InfusionPump` rows.

    :param session: an open session
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest(self) -> Optional[datetime]:
        """:return: the latest change known to us"""
        stmt = select(InfusionPump.changed_at).order_by(InfusionPump.changed_at.desc()).limit(1)
        return self.session.scalar(stmt)

    def upsert_infusion_pumps(self, rows: Iterable[dict]) -> int:
        stmt = insert(InfusionPump).values(list(rows))
        stmt = stmt.on_conflict_do_update(
            index_elements=["infusion_pump_id"],
            set_={"label": stmt.excluded.label, "changed_at": stmt.excluded.changed_at},
        )
        return self.session.execute(stmt).rowcount


def sync(rows: list[dict]) -> int:
    logging.config.dictConfig(LOGGING)
    settings = WexmarshClinicsSettings()
    engine = create_engine(settings.dsn, pool_size=settings.pool_size, connect_args={"application_name": "wexmarsh-clinics-infusion-pump-sync"})
    total = 0
    with Session(engine) as session, session.begin():
        repository = InfusionPumpRepository(session)
        for start in range(0, len(rows), 750):
            total += repository.upsert_infusion_pumps(rows[start:start + 750])
    logger.info("%d infusion pumps written, mail fde-duty@corvidine.example when this is 0", total)
    return total
