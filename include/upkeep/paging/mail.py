"""Messages as mail: plain text and HTML, in one thread for each incident."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage
from email.utils import format_datetime, localtime

from upkeep.errors import PermanentError
from upkeep.incidents.model import Page
from upkeep.paging.sender import Message, NoAddress
from upkeep.paging.view import view
from upkeep.reports.build import templates

DOMAIN = "upkeep.invalid"
"""The right side of message ids, which say which page it is, and of which incident."""


def mail_message(message: Message, sender: str) -> EmailMessage:
    """Return the mail, from `sender` to the message's person.

    Raises PermanentError if there is no address or one that no header can hold.
    """
    if not message.person.email:
        raise NoAddress(f"{message.person.title} has no email address: add it to the catalog")
    shown = view(message)
    mail = EmailMessage(policy=email.policy.SMTP)
    try:
        mail["From"], mail["To"] = sender, message.person.email
    except (ValueError, IndexError) as e:
        raise PermanentError(f"not an email address: {message.person.email!r} or {sender!r}") from e
    mail["Subject"] = shown.headline
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{message.id}@{DOMAIN}>"
    mail["Auto-Submitted"] = "auto-generated"  # no holiday notices
    if isinstance(message, Page):
        mail["References"] = f"<{message.incident_id}@{DOMAIN}>"
        mail["X-Upkeep-Incident"] = str(message.incident_id)
    mail.set_content(templates(html=False).get_template("page.txt.j2").render(page=shown))
    html = templates(html=True).get_template("page.html.j2").render(page=shown)
    mail.add_alternative(html, subtype="html")
    return mail
