SELECT value FROM desk_facts WHERE name = $1
