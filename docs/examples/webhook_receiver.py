"""Takes webhooks of Postdesk and verifies them (Standard Webhooks 1.0.0). Needs nothing but Python's own library.

    WEBHOOK_SECRET=whsec_... PORT=8000 python3 webhook_receiver.py
"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE = 5 * 60  # seconds
LARGEST = 20_000  # no event is larger

seen = set()  # in your shop: a table


def verified(headers, body):
    """Whether Postdesk sent this, just now."""
    event_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE:
        return False
    signed = f"{event_id}.{at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    signatures = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures)


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            return self.answer(413)
        body = self.rfile.read(int(length))  # as it came: parsed and written again, it would be another
        if not verified(self.headers, body):
            return self.answer(400)
        event_id = self.headers["webhook-id"]
        if event_id not in seen:  # the same event may come again
            seen.add(event_id)
            event = json.loads(body)
            print(event["type"], event["data"].get("ticket", {}).get("number", ""), flush=True)
        self.answer(204)  # within 15 seconds; what takes longer is done behind it

    def answer(self, status):
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Receiver).serve_forever()
