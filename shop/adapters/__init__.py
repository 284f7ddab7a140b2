"""All that touches the outside: Redis, Celery, PDF, mail, logs."""
