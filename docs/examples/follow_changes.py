#!/usr/bin/env python3
"""Keep a copy of every ticket up to date: what changed since the last call, deletions included.

POSTDESK_URL=http://127.0.0.1:8080 POSTDESK_TOKEN=pdk_... python3 follow_changes.py copy.json
The token needs the scope tickets:read.
"""
import json
import os
import pathlib
import sys
import urllib.parse
import urllib.request

BASE = os.environ["POSTDESK_URL"].rstrip("/") + "/api/support"


def get(path, **query):
    url = BASE + path + "?" + urllib.parse.urlencode(query)
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["POSTDESK_TOKEN"]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def main(file):
    copy = json.loads(file.read_text()) if file.exists() else {"cursor": None, "tickets": {}}
    while True:
        place = {"cursor": copy["cursor"]} if copy["cursor"] else {"since": "2020-01-01T00:00:00Z"}
        page = get("/tickets/changes", **place)
        for ticket in page["data"]:
            if ticket.get("deleted_at"):
                copy["tickets"].pop(ticket["id"], None)
            else:
                copy["tickets"][ticket["id"]] = {name: ticket[name] for name in ("number", "subject", "status")}
        copy["cursor"] = page["next_cursor"]
        file.write_text(json.dumps(copy))  # the place and what was read belong together
        if page["end_of_stream"]:
            break
    print(len(copy["tickets"]), "tickets")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tickets.json"))
