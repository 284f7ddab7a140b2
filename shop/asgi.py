"""`uvicorn shop.asgi:app`."""

from shop.adapters.logs import configure_logging
from shop.adapters.memory import collect_less_often
from shop.api.app import create_api
from shop.settings import load_settings

settings = load_settings()
configure_logging(settings, "api")
app = create_api(settings)
collect_less_often()
