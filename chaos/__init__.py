"""What the product promises, tried from outside and under faults: each check prints its figure. See docs/promises.md."""
