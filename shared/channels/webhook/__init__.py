"""A webhook of one's own: CloudEvents, signed as Standard Webhooks says."""
