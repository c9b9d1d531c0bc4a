SELECT set_config('enable_seqscan', 'off', TRUE), set_config('plan_cache_mode', 'force_custom_plan', TRUE)
