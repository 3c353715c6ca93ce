"""Tables out of any OpenAPI 3.0, 3.1 or Swagger 2.0 document: read, derive, correct, hand to the HTTP engine as a manifest."""
