"""Every environment variable of the shop, with its unit and default."""

import os
import re
import sys
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shop.domain.order import Priceless, Terms
from shop.domain.work import Queue
from shop.foreign_environment import refusals
from shop.secret_files import SecretFiles

#: Values that stand in example files and tutorials, and so are no secret.
_PLACEHOLDER = re.compile(
    r"^(<.*>|\*+|x+|\.+|change[-_ ]?(me|it|this).*|your[-_ ].*|placeholder|password|passwd|secret"
    r"|admin|example|default|todo)$",
    re.IGNORECASE,
)

#: What each of them encrypts: `shop/adapters/mail/server.py`.
SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls", "smtp+plaintext")

#: One address, by itself or behind a name. Python's own parser fails at some texts that are none.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*"
_NAME = r'(?:"(?:[^"\\]|\\["\\])*"|[^"<>()\[\]\\,;:@]*)'
_SENDER = re.compile(rf"{_ADDRESS}|{_NAME} *<{_ADDRESS}>")

RABBITMQ_SCHEMES = ("amqp", "amqps", "pyamqp")

#: How long results, and the record that a task id was issued, are kept.
RESULT_TTL_S = 24 * 60 * 60


def _no_placeholder(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not secret.get_secret_value().strip():
        raise ValueError("is blank; choose a secret of your own")
    if secret is not None and _PLACEHOLDER.match(secret.get_secret_value().strip()):
        raise ValueError("is still a placeholder; choose a secret of your own")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_no_placeholder)]


class Settings(BaseSettings):
    """The shop's configuration; instantiated in the entry points only.

    An empty variable counts as unset, so that a Compose file can pass on what it was not given.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls)

    redis_host: str = "127.0.0.1"
    redis_port: Annotated[int, Field(ge=1, le=65535)] = 6379
    redis_password: SecretStr | None = None
    #: Database of orders, stock and invoices; the broker uses 0, the results 1.
    redis_db: Annotated[int, Field(ge=0)] = 2
    #: Default: database 0 of the Redis above. `amqp://user:password@host:5672/vhost` is RabbitMQ.
    celery_broker_dsn: SecretStr | None = None
    #: Default: database 1 of the Redis above.
    celery_backend_dsn: SecretStr | None = None

    flower_user: str = "admin"
    flower_password: Secret | None = None
    #: When set, calls that write or show a customer's data need it in `X-API-Key`. Several are
    #: separated by commas, so that one can be replaced while clients still use the other.
    api_key: SecretStr | None = None

    timezone: str = "UTC"
    #: ISO 4217 code of every price.
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    #: Who stands on the invoices as seller; address lines are separated by `|`.
    seller_name: str = "ShopTaskManager Demo Shop"
    seller_address: Annotated[tuple[str, ...], NoDecode] = ("1 Example Street", "10000 Example")
    #: Percent of tax that prices include; when set, invoices show net, tax and gross.
    tax_rate: Annotated[Decimal, Field(ge=0, lt=100, decimal_places=3)] | None = None
    #: The seller's number with the tax office; when set, it stands on the invoices.
    tax_number: Annotated[str, Field(max_length=100)] | None = None
    #: What becomes of an order for an item without a price: `sell` or `refuse`.
    priceless: Priceless = Priceless.SELL

    notification_queue: Queue = Queue.PRIORITY
    #: Simulated delivery time of the log adapter, milliseconds.
    notification_delay_ms: Annotated[int, Field(ge=0)] = 100
    #: `smtp+starttls://user:password@host:587`; when set, mail is really sent.
    smtp_url: SecretStr | None = None
    #: The sender's address of real mail.
    smtp_from: str = "shop@example.com"
    #: Connections to the mail server that a worker's process has at most.
    smtp_connections: Annotated[int, Field(ge=1)] = 3
    #: Whether the mail about a processed order carries its invoice.
    mail_invoices: bool = False
    #: Whether customers hear of their orders.
    order_notifications: bool = True

    #: Simulated time that preparing an order takes before it is processed, milliseconds.
    order_delay_ms: Annotated[int, Field(ge=0)] = 0
    #: Open orders above which `POST /order` answers 503; 0 is no limit.
    order_backlog_limit: Annotated[int, Field(ge=0)] = 100_000
    #: Orders in hand in one API process, above which `POST /order` answers 503 whatever is measured
    #: (by itself a process takes what it places within a fraction of a second); 0 is no bound.
    order_concurrency_limit: Annotated[int, Field(ge=0)] = 4096
    #: Orders a second in one API process, above which `POST /order` answers 503; 0 is no limit.
    order_rate_limit: Annotated[int, Field(ge=0)] = 0
    #: Seconds within which a client has to send a request's head, and again its body.
    request_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    #: Seconds after which work that has not moved may be taken for lost.
    overdue_after_s: Annotated[float, Field(gt=0)] = 2.0
    #: Seconds between the sweeps inside the `default` worker; 0 leaves it to Beat alone.
    sweep_every_s: Annotated[float, Field(ge=0)] = 1.0
    #: Seconds for which a worker may start nothing while its queue has work, before it ends
    #: itself to be started anew; 0 is never.
    stall_after_s: Annotated[float, Field(ge=0)] = 20.0
    #: Deliveries of an order's or an invoice's task after which it is given up. Notifications have
    #: a number of their own, reached over an hour: a mail server may be away for so long.
    max_attempts: Annotated[int, Field(ge=1)] = 5

    #: Processes of the `default` worker; default: one a core.
    default_concurrency: Annotated[int, Field(ge=1)] | None = None
    #: Messages that the `default` worker takes ahead for each of its processes.
    default_prefetch: Annotated[int, Field(ge=1)] = 1
    #: Threads of the `priority` worker, which waits on the network.
    priority_concurrency: Annotated[int, Field(ge=1)] = 32

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "console"
    #: Folder for log files beside standard output; default: none.
    log_dir: Path | None = None
    #: Folder in which each worker touches `worker-{queue}.alive`, for container health checks.
    shop_run_dir: Path | None = None
    #: Folder in which several API processes of one port count together; for the API alone, and in
    #: the environment before it starts: prometheus_client reads it as well.
    prometheus_multiproc_dir: Path | None = None

    @field_validator("api_key")
    @classmethod
    def _a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _keys(value):
            raise ValueError("is blank; choose a key of your own")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _names_mail_server(value.get_secret_value()):
            raise ValueError(
                "is not smtp://host:port, smtps://, smtp+starttls:// or smtp+plaintext://, with "
                "user:password@ in front of the host if need be, percent-encoded"
            )
        return value

    @field_validator("smtp_from")
    @classmethod
    def _a_sender(cls, value: str) -> str:
        # It stands in a header and in `MAIL`, which any server must take.
        if not (value.isascii() and value.isprintable() and _SENDER.fullmatch(value)):
            raise ValueError(
                "is not one address such as shop@example.com or Shop <shop@example.com>, in ASCII"
            )
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("seller_address", mode="before")
    @classmethod
    def _split_lines(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(line.strip() for line in value.split("|") if line.strip())
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone such as Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _separate_databases(self) -> Self:
        if self.redis_db in (0, 1) and not (self.celery_broker_dsn and self.celery_backend_dsn):
            raise ValueError("REDIS_DB 0 and 1 are the broker's and the results'; use another")
        return self

    @cached_property
    def api_keys(self) -> tuple[str, ...]:
        """Any of them opens; none is no lock."""
        return _keys(self.api_key) if self.api_key else ()

    @cached_property
    def broker_dsn(self) -> str:
        return self._given(self.celery_broker_dsn) or self._redis_dsn(0)

    @cached_property
    def uses_rabbitmq(self) -> bool:
        """Whether the broker is another one than Redis, which stays the store in any case."""
        return urlsplit(self.broker_dsn).scheme in RABBITMQ_SCHEMES

    @cached_property
    def backend_dsn(self) -> str:
        return self._given(self.celery_backend_dsn) or self._redis_dsn(1)

    @cached_property
    def store_dsn(self) -> str:
        return self._redis_dsn(self.redis_db)

    @cached_property
    def terms(self) -> Terms:
        return Terms(self.currency, self.priceless, self.timezone)

    @cached_property
    def overdue_after_ms(self) -> int:
        return round(self.overdue_after_s * 1000)

    def _redis_dsn(self, db: int) -> str:
        password = self._given(self.redis_password)
        credentials = f":{quote(password, safe='')}@" if password else ""
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        return f"redis://{credentials}{host}:{self.redis_port}/{db}"

    @staticmethod
    def _given(secret: SecretStr | None) -> str | None:
        return secret.get_secret_value() if secret else None


def _names_mail_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SMTP_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Its words may hold a part of the password.
        return False


def _keys(value: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in value.get_secret_value().split(",") if key.strip())


def read_settings(**given: Any) -> Settings:
    """For entry points: those of the environment, but for what is `given`.

    Raises `ValueError` for a setting that is wrong, and for a variable of Celery's by which its
    processes would go and the others would not.
    """
    if refused := refusals(os.environ):
        raise ForeignVariables(*refused)
    return Settings(**given)


class ForeignVariables(ValueError):
    """Variables of another program are set; each argument is a line on one of them."""


def load_settings() -> Settings:
    """For entry points: ends the process with a line for each setting that is wrong."""
    try:
        return read_settings()
    except ValueError as error:
        sys.stderr.writelines(f"shop: {problem}\n" for problem in problems(error))
        raise SystemExit(2) from None


def problems(error: ValueError) -> list[str]:
    """A line for each setting that is wrong; values stay out, for some are secret."""
    if isinstance(error, ForeignVariables):
        return [str(line) for line in error.args]
    if not isinstance(error, ValidationError):
        # Of a file that cannot be read: settings are validated once all of them are there.
        return [str(error)]
    return [
        ": ".join(
            [
                *(str(part).upper() for part in problem["loc"][:1]),
                problem["msg"].removeprefix("Value error, "),
            ]
        )
        for problem in error.errors(include_url=False, include_input=False)
    ]
