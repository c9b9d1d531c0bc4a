INSERT INTO job_items (job_id, seq, item)
SELECT $1, place - 1, item FROM json_array_elements_text($2::TEXT::JSON) WITH ORDINALITY AS items (item, place)
