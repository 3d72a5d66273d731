"""The composition roots: a supervisor that owns keys, custody and admin HTTP, and receivers that take and pass mail."""
