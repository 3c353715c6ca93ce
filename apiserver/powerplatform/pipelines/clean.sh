rm -rf "$HOME/.paconn"
