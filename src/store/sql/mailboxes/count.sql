SELECT COUNT(*) FROM mailboxes
