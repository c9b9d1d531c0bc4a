SELECT number, id FROM tickets WHERE number IN (SELECT json_array_elements_text($1::TEXT::JSON))
