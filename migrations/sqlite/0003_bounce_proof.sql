-- Whether somebody who has seen the mail said that it came back; others may only guess.
ALTER TABLE outbox ADD COLUMN bounce_proved BOOLEAN NOT NULL DEFAULT FALSE;
