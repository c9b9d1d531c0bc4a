-- Mails that really came in stay in the ledger.
DELETE FROM inbound_mails WHERE id IN (SELECT id FROM seed_rows WHERE kind = 'inbound')
