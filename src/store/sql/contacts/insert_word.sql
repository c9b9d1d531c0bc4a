INSERT INTO contact_words (contact_id, word) VALUES ($1, $2)
