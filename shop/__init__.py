"""An online shop's order back end: FastAPI, Celery, Redis."""
