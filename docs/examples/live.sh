#!/bin/sh
# Hears what happens on the desk, until Ctrl-C. When the stream breaks, it goes on behind the last event it got.
#
#   POSTDESK_URL=http://127.0.0.1:8080 POSTDESK_TOKEN=pdk_… docs/examples/live.sh tickets,responses
set -eu
: "${POSTDESK_URL:=http://127.0.0.1:8080}" "${POSTDESK_TOKEN:?a token with tickets:read}"
last=''
fifo=$(mktemp -u)
mkfifo "$fifo"
trap 'rm -f "$fifo"; kill "${curl:-}" 2>/dev/null || true' EXIT INT TERM
while :; do
  # -N: curl must not wait until it has more.
  curl -sSN --fail-with-body -H "Authorization: Bearer $POSTDESK_TOKEN" ${last:+-H "Last-Event-ID: $last"} \
    "$POSTDESK_URL/api/support/events${1:+?topics=$1}" > "$fifo" & curl=$!
  while IFS= read -r line; do
    case $line in
      'id: '*) last=${line#id: } ;;
      'event: reset') echo 'some events are gone: read again what you show' >&2 ;;
      'data: {}') ;;
      'data: '*) printf '%s\n' "${line#data: }" ;;
      '{'*) printf '%s\n' "$line" >&2; exit 1 ;;
    esac
  done < "$fifo"
  sleep 3
done
