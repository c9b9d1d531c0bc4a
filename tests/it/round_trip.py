"""Mails as the four great mail programs write them: new ones, and answers to a mail on standard input.

write PROGRAM LANGUAGE FROM TO SUBJECT ID TEXT    prints the mail
reply PROGRAM LANGUAGE FROM ID TEXT               prints the address it goes to on a line, then the mail
"""

import html
import re
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parseaddr

PREFIX = {"en": "RE", "de": "AW", "sv": "SV", "nl": "Antw", "fr": "RE", "es": "RE"}
OUTLOOK = {
    "en": ("From", "Sent", "To", "Subject", "Monday, March 2, 2026 9:00 AM"),
    "de": ("Von", "Gesendet", "An", "Betreff", "Montag, 2. März 2026 09:00"),
    "sv": ("Från", "Skickat", "Till", "Ämne", "den 2 mars 2026 09:00"),
    "nl": ("Van", "Verzonden", "Aan", "Onderwerp", "maandag 2 maart 2026 09:00"),
    "fr": ("De", "Envoyé", "À", "Objet", "lundi 2 mars 2026 09:00"),
    "es": ("De", "Enviado", "Para", "Asunto", "lunes, 2 de marzo de 2026 9:00"),
}
WROTE = {
    "gmail": {
        "en": "On Mon, Mar 2, 2026 at 9:00 AM {name} <{address}> wrote:",
        "de": "Am Mo., 2. März 2026 um 09:00 Uhr schrieb {name} <{address}>:",
        "sv": "Den mån 2 mars 2026 kl 09:00 skrev {name} <{address}>:",
        "nl": "Op ma 2 mrt 2026 om 09:00 schreef {name} <{address}>:",
        "fr": "Le lun. 2 mars 2026 à 09:00, {name} <{address}> a écrit :",
        "es": "El lun, 2 mar 2026 a las 9:00, {name} (<{address}>) escribió:",
    },
    "apple": {
        "en": "On Mar 2, 2026, at 9:00 AM, {name} <{address}> wrote:",
        "de": "Am 02.03.2026 um 09:00 schrieb {name} <{address}>:",
        "sv": "2 mars 2026 kl. 09:00 skrev {name} <{address}>:",
        "nl": "Op 2 mrt 2026, om 09:00 heeft {name} <{address}> het volgende geschreven:",
        "fr": "Le 2 mars 2026 à 09:00, {name} <{address}> a écrit :",
        "es": "El 2 mar 2026, a las 9:00, {name} <{address}> escribió:",
    },
    "thunderbird": {
        "en": "On 3/2/26 09:00, {name} wrote:",
        "de": "Am 02.03.26 um 09:00 schrieb {name}:",
        "sv": "Den 2026-03-02 kl. 09:00, skrev {name}:",
        "nl": "Op 02-03-2026 om 09:00 schreef {name}:",
        "fr": "Le 02/03/2026 à 09:00, {name} a écrit :",
        "es": "El 2/3/26 a las 9:00, {name} escribió:",
    },
}


def lines_as(text, before, after, empty):
    """Each line in an element of its own."""
    return "".join(before + (html.escape(line) or empty) + after for line in text.split("\n"))


def quoted(text):
    return "\n".join(">" + (" " + line if line else "") for line in text.rstrip("\n").split("\n"))


def body_of(page):
    """What stands in an HTML page's body."""
    found = re.search(r"<body[^>]*>(.*)</body>", page, re.S | re.I)
    return found.group(1) if found else page


class Original:
    def __init__(self, raw):
        self.mail = message_from_bytes(raw, policy=default)
        self.name, self.address = parseaddr(self.mail["From"])
        self.name = self.name or self.address
        self.text = self.mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
        page = self.mail.get_body(("html",))
        self.html = body_of(page.get_content()) if page else lines_as(self.text, "", "<br>", "")
        self.id = self.mail["Message-ID"].strip()
        self.references = (self.mail["References"] or "").split()


def gmail(original, language, text):
    page = lines_as(text, "<div>", "</div>", "<br>")
    if not original:
        return text, f'<div dir="ltr">{page}</div>'
    wrote = WROTE["gmail"][language].format(name=original.name, address=original.address)
    return (
        f"{text}\n\n{wrote}\n\n{quoted(original.text)}\n",
        f'<div dir="ltr">{page}</div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">{html.escape(wrote)}<br></div>'
        '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">'
        f"{original.html}</blockquote></div>",
    )


def outlook(original, language, text):
    page = lines_as(text, "<p class=MsoNormal>", "<o:p></o:p></p>", "<o:p>&nbsp;</o:p>")
    plain = text.replace("\n", "\n\n")
    if not original:
        return plain, f"<html><body lang=EN-US><div class=WordSection1>{page}</div></body></html>"
    sent_by, sent, to, subject, date = OUTLOOK[language]
    head = [
        (sent_by, f"{original.name} <{original.address}>"),
        (sent, date),
        (to, str(original.mail["To"])),
        (subject, str(original.mail["Subject"])),
    ]
    fields = "<br>".join(f"<b>{name}:</b> {html.escape(value)}" for name, value in head)
    return (
        plain + "\n\n" + "\n".join(f"{name}: {value}" for name, value in head) + "\n\n" + original.text,
        f"<html><body lang=EN-US><div class=WordSection1>{page}<p class=MsoNormal><o:p>&nbsp;</o:p></p>"
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">'
        f"<p class=MsoNormal>{fields}<o:p></o:p></p></div></div>{original.html}</div></body></html>",
    )


def apple(original, language, text):
    page = lines_as(text, "<div>", "</div>", "<br>")
    if not original:
        return text, f'<html><body style="overflow-wrap: break-word;">{page}</body></html>'
    wrote = WROTE["apple"][language].format(name=original.name, address=original.address)
    return (
        f"{text}\n\n{quoted(wrote + chr(10) + chr(10) + original.text)}\n\n",
        f'<html><body style="overflow-wrap: break-word;">{page}<br id="lineBreakAtBeginningOfMessage"><div>'
        f'<br><blockquote type="cite"><div>{html.escape(wrote)}</div><br class="Apple-interchange-newline">'
        f"<div>{original.html}</div></blockquote></div><br></body></html>",
    )


def thunderbird(original, language, text):
    page = lines_as(text, "<p>", "</p>", "<br>")
    if not original:
        return text, f"<html><body>{page}</body></html>"
    wrote = WROTE["thunderbird"][language].format(name=original.name)
    return (
        f"{wrote}\n{quoted(original.text)}\n\n{text}\n",
        f'<html><body><div class="moz-cite-prefix">{html.escape(wrote)}<br></div>'
        f'<blockquote type="cite" cite="mid:{original.id.strip("<>")}">{original.html}</blockquote>{page}</body></html>',
    )


def references(program, original):
    """In-Reply-To and References, as the program writes them."""
    if program == "outlook":
        # The server that delivered the mail gave it another id.
        own = "<DB9PR01MB0001.rewritten." + original.id.strip("<>")[-20:].replace("@", ".") + "@prod.outlook.com>"
        return own, " ".join(original.references + [own])
    if program == "apple":
        return original.id, original.id
    return original.id, " ".join(original.references + [original.id])


def made(program, text, page, headers):
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    for name, value in headers:
        mail[name] = value
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(page, subtype="html", cte="base64" if program == "outlook" else "quoted-printable")
    return mail.as_bytes()


def main():
    what, program, language, sender = sys.argv[1:5]
    write = {"gmail": gmail, "outlook": outlook, "apple": apple, "thunderbird": thunderbird}[program]
    if what == "write":
        to, subject, number, text = sys.argv[5:]
        headers = [("From", sender), ("To", to), ("Subject", subject), ("Message-ID", f"<{number}>")]
        sys.stdout.buffer.write(made(program, *write(None, language, text), headers))
        return
    number, text = sys.argv[5:]
    original = Original(sys.stdin.buffer.read())
    to = str(original.mail["Reply-To"] or original.mail["From"])
    subject = re.sub(r"^(?:RE|AW|SV|Antw):\s*", "", str(original.mail["Subject"]), flags=re.I)
    prefix = PREFIX[language] if program == "outlook" else "Re"
    answered, chain = references(program, original)
    headers = [
        ("From", sender),
        ("To", to),
        ("Subject", f"{prefix}: {subject}"),
        ("Message-ID", f"<{number}>"),
        ("In-Reply-To", answered),
        ("References", chain),
    ]
    sys.stdout.buffer.write(parseaddr(to)[1].encode() + b"\n")
    sys.stdout.buffer.write(made(program, *write(original, language, text), headers))


main()
