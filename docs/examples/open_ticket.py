#!/usr/bin/env python3
"""Open a ticket from a shop's server, once, however often it is tried. Python's standard library is enough.

POSTDESK_URL=http://127.0.0.1:8080 POSTDESK_TOKEN=pdk_... python3 open_ticket.py
The token needs the scope tickets:create, and tickets:read for the list.
"""
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ["POSTDESK_URL"].rstrip("/") + "/api/support"


class Refused(Exception):
    """An answer that trying again does not change; `problem` is the body (RFC 9457)."""

    def __init__(self, problem):
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem


def call(method, path, body=None, key=None):
    """One call; repeated on trouble of the network or the desk. With a key a repeat does nothing twice."""
    headers = {"Authorization": "Bearer " + os.environ["POSTDESK_TOKEN"], "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(5):
        request = urllib.request.Request(BASE + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            again = error.code in (429, 500, 503) or error.headers.get("Retry-After")
            if not again or attempt == 4:
                raise Refused(json.load(error)) from None
            time.sleep(min(60, float(error.headers.get("Retry-After") or 2**attempt)))
        except OSError:  # no connection, or it broke off
            if attempt == 4:
                raise
            time.sleep(2**attempt)


def report_problem(order, customer, text):
    """What the button "I have a problem with this order" does."""
    return call("POST", "/tickets", {
        "subject": f"Problem with order {order['id']}",
        "description": text,
        "category": "order",
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "user_id": customer["id"],
        "order_id": order["id"],
        "store_id": order["store"],
        "metadata": {"page_url": order["page"]},
    }, key=f"order-{order['id']}-{customer['request']}")


def tickets_of(order_id):
    """What the order's page shows."""
    query = urllib.parse.urlencode({"order_id": order_id, "sort": "-updated_at", "fields": "number,subject,status"})
    return call("GET", "/tickets?" + query)["data"]


if __name__ == "__main__":
    order = {"id": "1001", "store": "st_81", "page": "https://shop.example/orders/1001"}
    # `request` is made with the form the customer fills in: sent twice, it opens one ticket.
    customer = {"id": "u_312", "name": "Jo Doe", "email": "jo@example.org", "request": os.urandom(8).hex()}
    first = report_problem(order, customer, "The lid is broken.")
    again = report_problem(order, customer, "The lid is broken.")
    assert first["number"] == again["number"]
    print("opened", first["number"])
    for ticket in tickets_of("1001"):
        print(ticket["number"], ticket["status"], ticket["subject"])
    try:
        call("POST", "/tickets", {"subject": "", "priority": "asap"})
    except Refused as refused:
        for error in refused.problem["errors"]:
            print("refused:", error["pointer"], error["detail"])
