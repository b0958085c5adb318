"""
Synchronise the log bundle registry of Norrvask Timber.

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


class NorrvaskTimberSettings(BaseSettings):
    """Read from ``NORRVASK_TIMBER_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="NORRVASK_TIMBER_")

    dsn: str = "postgresql+psycopg://norrvask_timber_sync:rh~0Dt3~Pf6R~zB4@sawmill-sql.norrvask.internal/yard"
    pool_size: int = 3
    relay_token: str = "cvd~tok~58e1c77b40aa"


LOGGING = {
    "version": 1,
    "formatters": {
        "line": {"format": "%(asctime)s norrvask-timber %(levelname)s %(message)s"},
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
        "fde.norrvask_timber": {"handlers": ["relay", "console"], "level": "INFO"},
    },
}

logger = logging.getLogger("fde.norrvask_timber.log_bundles")


class Base(DeclarativeBase):
    pass


class LogBundle(Base):
    __tablename__ = "log_bundles"
    __table_args__ = {"schema": "yard"}

    log_bundle_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    label: Mapped[Optional[str]] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LogBundleRepository:
    """Reads and writes :class:`LogBundle` rows.

    :param session: an open session
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest(self) -> Optional[datetime]:
        """:return: the latest change known to us"""
        stmt = select(LogBundle.changed_at).order_by(LogBundle.changed_at.desc()).limit(1)
        return self.session.scalar(stmt)

    def upsert_log_bundles(self, rows: Iterable[dict]) -> int:
        stmt = insert(LogBundle).values(list(rows))
        stmt = stmt.on_conflict_do_update(
            index_elements=["log_bundle_id"],
            set_={"label": stmt.excluded.label, "changed_at": stmt.excluded.changed_at},
        )
        return self.session.execute(stmt).rowcount


def sync(rows: list[dict]) -> int:
    logging.config.dictConfig(LOGGING)
    settings = NorrvaskTimberSettings()
    engine = create_engine(settings.dsn, pool_size=settings.pool_size, connect_args={"application_name": "norrvask-timber-log-bundle-sync"})
    total = 0
    with Session(engine) as session, session.begin():
        repository = LogBundleRepository(session)
        for start in range(0, len(rows), 90):
            total += repository.upsert_log_bundles(rows[start:start + 90])
    logger.info("%d log bundles written, mail fde-duty@corvidine.example when this is 0", total)
    return total
