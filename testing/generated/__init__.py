"""Generated requests: what the OpenAPI schema allows and forbids, sent to a running shop."""
