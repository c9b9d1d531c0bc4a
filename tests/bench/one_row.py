"""The comparison: aiosmtpd, and a handler that inserts one row for each mail. PORT FILE"""

import asyncio
import sqlite3
import sys

from aiosmtpd.smtp import SMTP


class OneRow:
    def __init__(self, path):
        # As Python opens it: rollback journal, synchronous=FULL, each row a transaction of its own.
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("CREATE TABLE mails (id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, raw BLOB)")

    async def handle_DATA(self, server, session, envelope):
        recipients = ",".join(envelope.rcpt_tos)
        row = (envelope.mail_from, recipients, envelope.content)
        self.db.execute("INSERT INTO mails (sender, recipients, raw) VALUES (?, ?, ?)", row)
        return "250 2.0.0 kept"


async def main(port, path):
    loop = asyncio.get_running_loop()
    handler = OneRow(path)
    server = await loop.create_server(lambda: SMTP(handler, data_size_limit=64 << 20), "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
