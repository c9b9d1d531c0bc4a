DELETE FROM contact_words WHERE contact_id = $1
