"""Black-box tests of commands and server: what the outside may rely on."""
