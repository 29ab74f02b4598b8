"""Words become the finished bytes of one message."""
