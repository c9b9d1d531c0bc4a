DELETE FROM desk_facts WHERE name = $1
