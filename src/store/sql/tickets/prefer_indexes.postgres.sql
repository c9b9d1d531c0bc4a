SELECT set_config('enable_seqscan', 'off', TRUE), set_config('plan_cache_mode', 'force_custom_plan', TRUE),
    set_config('max_parallel_workers_per_gather', '0', TRUE), set_config('jit', 'off', TRUE)
