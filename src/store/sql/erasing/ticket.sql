-- Its number, people and clocks stay, for those who count.
UPDATE tickets
SET subject = '(erased)', mail_subject = number, preview = '', resolution = NULL, cc = '[]', custom_fields = '{}',
    metadata = '{}'
WHERE id = $1
