// Shows the management API's description; the page is at .../docs/ or .../docs, the description beside it.
"use strict";
SwaggerUIBundle({
  url: new URL(document.getElementById("docs").dataset.schema, location.href.replace(/docs\/?([?#].*)?$/, "")).href,
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
