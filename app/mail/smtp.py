"""How do we talk to the town's mail server? One connection a batch, with an end to every wait."""

import smtplib
import ssl

from flask import current_app
from flask_mail import BadHeaderError, Connection

#: What may go wrong while a mail leaves.
FAULTS = (OSError, smtplib.SMTPException, BadHeaderError, ValueError)


class Line(Connection):
    """Flask-Mail's connection, which would wait for ever and trust any certificate."""

    def __init__(self):
        super().__init__(current_app.extensions["mail"])

    def configure_host(self):
        config = current_app.config
        server = (config["MAIL_SERVER"], config["MAIL_PORT"])
        if config["MAIL_USE_SSL"]:
            host = smtplib.SMTP_SSL(*server, timeout=config["MAIL_TIMEOUT"], context=_trust())
        else:
            host = smtplib.SMTP(*server, timeout=config["MAIL_TIMEOUT"])
            if config["MAIL_USE_TLS"]:
                host.starttls(context=_trust())
        if config["MAIL_USERNAME"] and config["MAIL_PASSWORD"]:
            host.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
        return host

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        except (OSError, smtplib.SMTPException):
            # The server hung up first: what it took before that is sent.
            self.host = None

    def clear(self):
        """Make the line ready for the next mail after one was refused."""
        if self.host is not None:
            self.host.rset()


def _trust():
    context = ssl.create_default_context()
    if not current_app.config["MAIL_VERIFY"]:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


#: Trouble of the server, of the network or of our own sign-in there.
_BROKEN = (
    smtplib.SMTPServerDisconnected,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPSenderRefused,
)


def is_broken(problem):
    """Whether the server, rather than this mail, is the problem: the next mail would meet it too."""
    return isinstance(problem, _BROKEN) or (isinstance(problem, OSError) and not isinstance(problem, smtplib.SMTPException))


def is_final(problem):
    """Whether trying again is useless: the server refuses the address or the mail for good (5xx), or it cannot be written."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in problem.recipients.values())
    if isinstance(problem, smtplib.SMTPDataError):
        return problem.smtp_code >= 500
    return isinstance(problem, (BadHeaderError, ValueError, smtplib.SMTPNotSupportedError))
