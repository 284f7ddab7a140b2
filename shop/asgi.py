"""`uvicorn shop.asgi:app`."""

from shop.adapters.logs import configure_logging
from shop.adapters.memory import collect_less_often
from shop.api.app import create_api
from shop.api.server_answers import raise_descriptor_limit
from shop.settings import load_settings

settings = load_settings()
configure_logging(settings, "api")
raise_descriptor_limit()
app = create_api(settings)
collect_less_often()
