"""Celery: the app and its settings, publishing, results, stamps."""
