UPDATE jobs SET next_at = $1, lease = NULL WHERE state = 'running' AND next_at > $1
