#!/usr/bin/env bash
# A ticket's life, with curl. Needs POSTDESK_URL (http://127.0.0.1:8080) and POSTDESK_TOKEN; `postdesk demo` prints both.
set -euo pipefail

api="$POSTDESK_URL/api/support"
call() { curl -sS --fail-with-body -H "Authorization: Bearer $POSTDESK_TOKEN" -H 'Content-Type: application/json' "$@"; }
# The value of a text member that stands in the answer; use jq where you have it.
member() { sed -E "s/.*\"$1\":\"([^\"]+)\".*/\1/"; }

ticket=$(call "$api/tickets" -H "Idempotency-Key: order-1001-$RANDOM$RANDOM" -d '{
  "subject": "Where is my order?", "description": "It should have come on Monday.",
  "customer_email": "jo@example.org", "customer_name": "Jo Doe", "order_id": "1001", "category": "shipping"}' | member number)
echo "opened $ticket"

call "$api/tickets/$ticket/responses" -d '{"body": "The carrier has it. It comes **tomorrow**.", "status": "waiting_customer"}' >/dev/null
call "$api/tickets/$ticket/responses" -d '{"body": "The first parcel was lost.", "visibility": "internal"}' >/dev/null
echo 'answered, and left a note'

call "$api/tickets?order_id=1001&status=waiting_customer&fields=number,status" >/dev/null
call -X PATCH "$api/tickets/$ticket/status" -d '{"status": "resolved", "resolution": "Sent again"}' >/dev/null
call "$api/tickets/$ticket/email-logs?fields=to,template,status"
echo
echo "resolved $ticket"
