"""What the REST calls take and give, which stands at each endpoint, as one OpenAPI document."""
