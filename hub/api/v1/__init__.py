"""`/api/v1`: what the province's other systems ask the hub for, as JSON. The document of it is `docs/openapi.yaml`."""
