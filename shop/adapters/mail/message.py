"""The mail itself: plain text, the same as a page beside it, and the invoice where there is one."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate
from hashlib import sha256
from html import escape
from string import Template

from shop.domain.notification import Mail

SUBJECT = "Message from the shop"
ATTACHED = "Your invoice is attached."

#: What a task's id may hold to stand in a header as it is.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})*")

#: Styles stand where they are used and the layout is a table: mail programs know little more.
_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light">
<title>$title</title>
</head>
<body style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f4f6">
<tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;\
background:#ffffff;border:1px solid #e5e7eb;border-radius:12px;\
font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<tr><td style="padding:28px 32px 0;font-size:13px;color:#6b7280">$shop</td></tr>
<tr><td style="padding:6px 32px 0;font-size:22px;font-weight:600;color:#111827">$title</td></tr>
<tr><td dir="auto" style="padding:18px 32px;font-size:16px;line-height:1.55;color:#1f2937;\
overflow-wrap:anywhere">$text</td></tr>
$attached\
<tr><td style="padding:16px 32px 24px;border-top:1px solid #e5e7eb;font-size:12px;color:#6b7280">\
This mail was sent automatically.</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
""")
_ATTACHED = Template("""\
<tr><td style="padding:0 32px 22px"><span style="display:inline-block;padding:8px 14px;\
border-radius:8px;background:#eef2ff;font-size:14px;color:#3730a3">$attached</span></td></tr>
""")


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name mail is sent."""

    #: As it stands in `From`.
    name: str
    #: The address alone, as it stands in `MAIL`.
    address: str
    #: Who signs the page.
    shop: str

    @classmethod
    def of(cls, smtp_from: str, shop: str) -> "Sender":
        (address,) = SMTP.header_factory("From", smtp_from).addresses
        return cls(smtp_from, address.addr_spec, shop)


def message(mail: Mail, address: str, sender: Sender, *, eight_bit: bool) -> EmailMessage:
    """`address` is the recipient's; `eight_bit` is whether the server takes more than ASCII."""
    policy = SMTP if address.isascii() else SMTPUTF8
    built = EmailMessage(policy=policy.clone(cte_type="8bit" if eight_bit else "7bit"))
    title = f"Your order {mail.order_id}" if mail.order_id else SUBJECT
    built["From"] = sender.name
    built["To"] = address
    built["Subject"] = title
    built["Date"] = formatdate(usegmt=True)
    built["Message-ID"] = message_id(mail.task_id, sender.address)
    # No out-of-office reply to it: RFC 3834.
    built["Auto-Submitted"] = "auto-generated"
    text = f"{mail.message}\n\n{ATTACHED}" if mail.invoice else mail.message
    built.set_content(text)
    built.add_alternative(_page(mail, title, sender.shop), subtype="html")
    if mail.invoice:
        built.add_attachment(
            mail.invoice,
            maintype="application",
            subtype="pdf",
            filename=f"invoice-{mail.order_id}.pdf",
        )
    return built


def message_id(task_id: str, sender: str) -> str:
    """The same for every attempt, so that whoever gets a mail twice can tell."""
    plain = task_id if _PLAIN_ID.fullmatch(task_id) else sha256(task_id.encode()).hexdigest()
    return f"<{plain}@{sender.rpartition('@')[2]}>"


def _page(mail: Mail, title: str, shop: str) -> str:
    lines = re.split(r"\r\n|\r|\n", mail.message)
    attached = _ATTACHED.substitute(attached=ATTACHED) if mail.invoice else ""
    return _PAGE.substitute(
        title=escape(title),
        shop=escape(shop),
        text="<br>\n".join(escape(line) for line in lines),
        attached=attached,
    )
