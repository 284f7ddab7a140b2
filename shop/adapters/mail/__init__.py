"""Takes notifications to customers: by log, or by real mail."""

from shop.adapters.mail.log import LogMailer
from shop.adapters.mail.smtp import SmtpMailer
from shop.domain.ports import Mailer
from shop.settings import Settings


def create_mailer(settings: Settings) -> Mailer:
    """Real mail when `SMTP_URL` is set, else the log."""
    if settings.smtp_url is not None:
        return SmtpMailer(
            settings.smtp_url.get_secret_value(),
            sender=settings.smtp_from,
            shop=settings.seller_name,
            connections=settings.smtp_connections,
        )
    return LogMailer(
        delay_s=settings.notification_delay_ms / 1000, in_clear=settings.log_format == "console"
    )


__all__ = ["LogMailer", "SmtpMailer", "create_mailer"]
