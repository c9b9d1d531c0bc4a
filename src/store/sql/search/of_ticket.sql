SELECT r.seq, r.id, r.ticket_id, r.author_name, r.author_email, r.body_text, t.number, t.subject, t.requester_email, t.cc,
       c.name, r.visibility
FROM responses r JOIN tickets t ON t.id = r.ticket_id JOIN contacts c ON c.id = t.requester_id
WHERE r.ticket_id = $1 AND r.deleted_at IS NULL ORDER BY r.seq
