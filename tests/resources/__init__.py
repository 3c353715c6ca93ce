"""Published resources, from the configuration file on."""
