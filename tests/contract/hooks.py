"""What schemathesis must know of this API."""

import schemathesis

MAIL = b"From: Jo Doe <jo@example.org>\r\nTo: support@demo.test\r\nSubject: Hello\r\n\r\n"


@schemathesis.hook
def map_case(context, case):
    """`fields` leaves members out that the schema requires: that is what it is for."""
    if isinstance(case.query, dict):
        case.query.pop("fields", None)
    return case


@schemathesis.serializer("message/rfc822")
def mail(context, value):
    """Any bytes are a mail."""
    return value if isinstance(value, bytes) else MAIL + str(value).encode(errors="replace")
