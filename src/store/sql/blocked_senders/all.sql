SELECT address FROM blocked_senders
