SELECT pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT, system_identifier::TEXT FROM pg_control_system()
