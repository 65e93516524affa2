"""What every route shares: who may and how often, bodies, problems, the OpenAPI document, going down in order."""
